// SPDX-License-Identifier: Apache-2.0
// A restore whose cedana was killed, finished by another one. Its CRIU, which loses the images with it, has by then
// either brought the tree back, and the files stay as they are, or it has failed and killed what it had started, and
// every file becomes what it was.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

// In the work folder of a restore.
inline constexpr const char* k_put_back_journal = "put-back.journal";
inline constexpr const char* k_remap_journal = "link-remap.journal";
inline constexpr const char* k_socket_journal = "socket.journal";

struct FinishedRestore {
    // The tree was brought back all the same.
    bool tree_ran = false;
    std::vector<std::filesystem::path> undone = {};
    // Files that another process writes to by now; they can be undone once it has ended.
    std::vector<std::filesystem::path> in_use = {};
    // Files that somebody else has changed since; a warning has told each.
    std::vector<std::filesystem::path> left = {};
    // The container that its engine had begun to make, and that is removed.
    std::optional<std::string> container = {};
};

// `writer`: the cedana that was killed. Nobody may work in the folder. Throws Error.
[[nodiscard]] FinishedRestore finish_killed_restore(const std::filesystem::path& work, pid_t writer);

} // namespace cedana
