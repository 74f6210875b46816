// SPDX-License-Identifier: Apache-2.0
// What `cedana check` says of the keys: whose checkpoints are restored here, and what a dump signs with.
#pragma once

#include "cedana/host/requirement.hpp"
#include "cedana/model/config.hpp"

#include <vector>

namespace cedana {

[[nodiscard]] std::vector<Requirement> check_keys(const Config& config);

} // namespace cedana
