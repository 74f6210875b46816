// SPDX-License-Identifier: Apache-2.0
// What is mounted where: /proc/PID/mountinfo, see proc(5).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

struct Mount {
    int id = 0;
    // The mount on which this one is mounted.
    int parent = 0;
    // "254:0"
    std::string device = {};
    // Which folder of the file system is mounted: "/" unless it is a bind mount.
    std::string root = {};
    // As the process sees it.
    std::string path = {};
    // "ext4"
    std::string type = {};
    // Of the file system: "rw,user_id=1000"
    std::string options = {};
    // The peer groups among which its mounts come and go, and from which it gets those of others
    // (mount_namespaces(7), shared:N and master:N); 0: none.
    int shared = 0;
    int master = 0;
};

// Lines that are none of such a text are left out. Pure.
[[nodiscard]] std::vector<Mount> parse_mounts(std::string_view content);

// The kernel makes up what is in it: nothing there is kept.
[[nodiscard]] bool is_made_up(const Mount& mount);

// Its server may not answer, so that whoever reads from it hangs.
[[nodiscard]] bool is_served(const Mount& mount);

enum class MountedThere {
    nothing,
    // Nothing yet: autofs or a systemd automount unit mounts a file system there, or above it, at the first use.
    at_first_use,
    something
};

// What is mounted at a path itself, not above it. Links are followed, and mounts that others hide are not seen, as the
// kernel does it; a mount that lies there is not touched, so that one whose server is gone does not block. Relative
// paths begin in the folder of this process.
[[nodiscard]] MountedThere mounted_at(const std::filesystem::path& path, const std::vector<Mount>& mounts);

// The same with the mounts of this process, where an automount is made to mount first, which waits for its server.
// Throws Error when the mounts cannot be read.
[[nodiscard]] bool is_mounted(const std::filesystem::path& folder);

// Where something is mounted in the folder or below, the last one first. Pure.
[[nodiscard]] std::vector<std::string> mounted_below(const std::filesystem::path& folder,
                                                     const std::vector<Mount>& mounts);

// Takes off what is mounted below the folder, among the mounts of this process: who has it open keeps it
// (umount2(2), MNT_DETACH). Throws Error: not all of it is gone.
void detach_mounts_below(const std::filesystem::path& folder);

} // namespace cedana
