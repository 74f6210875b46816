// SPDX-License-Identifier: Apache-2.0
// `cedana check --unit NAME`: whether a unit of systemd can be dumped as it runs, and come back. Touches nothing.
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/host/requirement.hpp"
#include "cedana/model/loaded_config.hpp"

#include <string>
#include <vector>

namespace cedana {

// Throws Error as running_unit() does (host/unit_process.hpp), and where it cannot be looked at.
[[nodiscard]] std::vector<Requirement> check_unit(const std::string& name, const LoadedConfig& config,
                                                  const Interrupt& interrupt);

} // namespace cedana
