// SPDX-License-Identifier: Apache-2.0
// Files that are still being written. Their writer holds a flock(2) on them, so a partial file without a lock is one
// whose writer is gone, however it ended.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <filesystem>

namespace cedana {

// A new, locked file of mode 0600, open for reading and writing; none if the path is taken. Throws
// Error(Fault::storage).
[[nodiscard]] UniqueFd create_partial(const std::filesystem::path& path);

// Removes the file if no process has it locked.
bool remove_if_abandoned(const std::filesystem::path& path);

} // namespace cedana
