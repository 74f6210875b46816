// SPDX-License-Identifier: Apache-2.0
// How large the directory of an archive is, as its end tells: known before anything of it is parsed. Who reads whatever
// lies in a folder bounds by this what a stranger's archive costs.
#pragma once

#include <cstdint>
#include <filesystem>

namespace cedana {

// Bytes of all directories that the end of the file may mean: libzip parses each of them (_zip_find_central_dir in
// zip_open.c). 0 if it is no zip archive. Throws Error when the file cannot be read.
[[nodiscard]] std::uint64_t directory_bytes(const std::filesystem::path& path);

} // namespace cedana
