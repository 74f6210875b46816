// SPDX-License-Identifier: Apache-2.0
// The role `pages`: the page server, the process that puts the memory of a lazily restored tree in place, out of the
// checkpoint.
#pragma once

#include "cedana/roles/role.hpp"

namespace cedana {

// Its standard error is the log.
[[nodiscard]] roles::Role lazy_server();

} // namespace cedana
