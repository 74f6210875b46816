// SPDX-License-Identifier: Apache-2.0
// What signals are called by whoever sends them.
#pragma once

#include <string>

namespace cedana {

// "Ctrl-C", "SIGTERM"
[[nodiscard]] std::string known_as(int signal);

} // namespace cedana
