// SPDX-License-Identifier: Apache-2.0
// Tar archives of a few small files, as engines exchange them. On libarchive.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace cedana::containers {

using SmallFiles = std::map<std::string, std::string>;

// Those of these names that are in it. Throws Error(Fault::environment) for what is no such archive.
[[nodiscard]] SmallFiles read_small_tar(const std::filesystem::path& path, const std::vector<std::string>& wanted);
// Folders are made for names with a slash. Throws Error.
void write_small_tar(const std::filesystem::path& path, const SmallFiles& files);

} // namespace cedana::containers
