// SPDX-License-Identifier: Apache-2.0
// `cedana check --clean`
#pragma once

#include "cedana/cli/commands.hpp"

#include <filesystem>
#include <vector>

namespace cedana {

// Also in the folders of the configuration. Prints what was removed, and what was kept and why.
void clean_up(const std::vector<std::filesystem::path>& folders, const CommonArguments& common);

} // namespace cedana
