// SPDX-License-Identifier: Apache-2.0
// What --help prints, no wider than the terminal. Pure.
#pragma once

#include "cedana/cli/command_text.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace cedana {

// Of one command; of a group with the commands in it, from `all`. `width` 0: 80 columns.
[[nodiscard]] std::string help_text(const CommandText& command, const std::vector<CommandText>& all, std::size_t width);

// Of the program: the three commands that people need first, then all of them. Fits a screen of 24 lines.
[[nodiscard]] std::string program_help(const std::vector<CommandText>& all, std::size_t width);

} // namespace cedana
