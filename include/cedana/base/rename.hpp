// SPDX-License-Identifier: Apache-2.0
// Renaming where a file server may have done it although its answer was lost: asked again, it would say that the old
// name is gone or the new one taken. What was done counts as done, for as much as any other rename: for nothing until
// the folder is flushed.
#pragma once

#include <filesystem>
#include <string>

namespace cedana {

// renameat2(2): 0 when done, else its errno.
[[nodiscard]] int rename_at(int from_folder, const std::string& from, int to_folder, const std::string& to,
                            unsigned flags);

// Fails if the target exists (RENAME_NOREPLACE; link(2)+unlink(2) where the file system has no such rename): 0 when
// done, else an errno, EEXIST if the target exists.
[[nodiscard]] int try_rename_new(const std::filesystem::path& from, const std::filesystem::path& to);

// The same: true when done, false if the target exists. Throws Error.
[[nodiscard]] bool rename_new(const std::filesystem::path& from, const std::filesystem::path& to);

} // namespace cedana
