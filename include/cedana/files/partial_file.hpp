// SPDX-License-Identifier: Apache-2.0
// Files that are still being written: STEM.HOST-PID.zip.partial. Their writer holds a flock(2) on them, so a partial
// file of this host without a lock is one whose writer is gone, however it ended. Of another host's nothing can be
// said: the locks of many file systems that are shared do not go from host to host (sshfs, s3fs; nfs(5), local_lock).
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace cedana {

// One that no other process of any host uses at the same time; of a long stem it has the begin alone.
[[nodiscard]] std::string partial_name(std::string_view stem);

// A new, locked file of mode 0600, open for reading and writing; none if the path is taken. Throws
// Error(Fault::storage).
[[nodiscard]] UniqueFd create_partial(const std::filesystem::path& path);

// Whether a file that is open has no name any more (NFS and FUSE may not tell).
[[nodiscard]] bool is_removed(const UniqueFd& file);

enum class PartialFate {
    // By its name none of cedana's.
    not_ours,
    // Whether it is still written is not known here.
    of_another_host,
    // It is being written, or cannot be removed.
    kept,
    removed
};

// Removes it if it is one of this host and this user, and no process has it locked.
PartialFate remove_if_abandoned(const std::filesystem::path& path);

} // namespace cedana
