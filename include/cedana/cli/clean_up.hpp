// SPDX-License-Identifier: Apache-2.0
// `cedana check --clean`
#pragma once

#include "cedana/cli/commands.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace cedana {

struct CleanUp {
    // Besides those of the configuration.
    std::vector<std::filesystem::path> folders;
    // Backups that are older go too; empty: none.
    std::string backups;
};

// Prints what was removed, and what was kept and why.
void clean_up(const CleanUp& wanted, const CommonArguments& common);

} // namespace cedana
