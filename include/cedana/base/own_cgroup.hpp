// SPDX-License-Identifier: Apache-2.0
// A control group for the CRIU of one dump, or for who brings the memory of a tree: what ends the group from which
// cedana was started (a service or a session that is stopped) must not end a CRIU that is inside of a tree, since that
// can kill the tree. In the hierarchies by which processes are ended: version 2, and systemd's own of version 1; at
// their top, outside of every service.
#pragma once

#include <filesystem>
#include <future>
#include <optional>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana::criu {

class OwnCgroup {
  public:
    // Moves the process there, another one within some milliseconds, and makes it the last that the kernel ends for
    // want of memory. Where one of it is not possible or not permitted, that is not done.
    explicit OwnCgroup(pid_t process) noexcept;
    OwnCgroup(const OwnCgroup&) = delete;
    OwnCgroup& operator=(const OwnCgroup&) = delete;
    // Another process must have ended; this one leaves it. What else either has started is ended.
    ~OwnCgroup();

    [[nodiscard]] const std::vector<std::filesystem::path>& folders() const noexcept { return folders_; }

  private:
    void enter();
    void move() const;

    pid_t process_;
    std::vector<std::filesystem::path> folders_;
    // Of another process: by a thread.
    std::future<void> moved_;
};

// Whether a group of this name was made so, by whichever cedana.
[[nodiscard]] bool is_own_cgroup(std::string_view name);

// Where there can be one, by /proc/self/mountinfo: only where the top of a hierarchy itself is mounted, since a
// container that sees a part of it would make it in its own service.
[[nodiscard]] std::vector<std::filesystem::path> own_cgroup_places(std::string_view mountinfo);
// The first hierarchy in which there can be one; absent if there is none.
[[nodiscard]] std::optional<std::filesystem::path> place_for_own_cgroup();

// Removes those whose cedana is gone and in which nobody works any more; which they were. Of those of other pid
// namespaces, whose processes are not seen from here, what remove_forgotten_group() removes.
std::vector<std::filesystem::path> remove_abandoned_cgroups();
// Removes a group that has been without a process for long; false where it is not such a one.
bool remove_forgotten_group(const std::filesystem::path& folder);

} // namespace cedana::criu
