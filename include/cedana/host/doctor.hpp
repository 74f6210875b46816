// SPDX-License-Identifier: Apache-2.0
// `cedana check`: whether dump and restore can work on this host, one requirement after the other. A broken setting or
// a missing CRIU is an answer here, not an Error.
#pragma once

#include "cedana/host/requirement.hpp"
#include "cedana/model/loaded_config.hpp"

#include <vector>

namespace cedana {

// In the order in which a dump would meet them. Runs CRIU's own check, and writes a little to the folders for
// checkpoints to see how fast they are.
[[nodiscard]] std::vector<Requirement> check_environment(const ConfigSources& sources);

// None of them is bad.
[[nodiscard]] bool can_work(const std::vector<Requirement>& requirements);

} // namespace cedana
