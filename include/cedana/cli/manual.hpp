// SPDX-License-Identifier: Apache-2.0
// The manual pages, in the man(7) language, from the tables of commands and of settings. Pure.
#pragma once

#include "cedana/cli/command_text.hpp"

#include <string>
#include <vector>

namespace cedana {

// cedana(1)
[[nodiscard]] std::string commands_manual(const std::vector<CommandText>& commands);
// cedana_config.json(5)
[[nodiscard]] std::string settings_manual();

} // namespace cedana
