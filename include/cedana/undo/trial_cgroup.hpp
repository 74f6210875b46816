// SPDX-License-Identifier: Apache-2.0
// A control group for what is restored only to be tried: whatever that takes of memory, it takes it from nobody beside
// it. What does not fit is ended by the kernel within the group.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace cedana {

class TrialCgroup {
  public:
    // Absent where none can be made: in a container that sees no top of a hierarchy, or where nobody has given memory
    // out to the groups at the top (cgroups(7), cgroup.subtree_control).
    [[nodiscard]] static std::optional<TrialCgroup> make(std::uint64_t limit);
    TrialCgroup(TrialCgroup&& other) noexcept;
    TrialCgroup& operator=(TrialCgroup&&) = delete;
    // All that was in it must have ended.
    ~TrialCgroup();

    // Into which a process writes itself.
    [[nodiscard]] std::filesystem::path processes() const { return folder_ / "cgroup.procs"; }
    // The kernel has ended something in it for want of memory.
    [[nodiscard]] bool ran_out() const;

  private:
    explicit TrialCgroup(std::filesystem::path folder) : folder_(std::move(folder)) {}

    std::filesystem::path folder_;
};

// Where there can be one, by /proc/self/mountinfo: the hierarchies that may have memory.
[[nodiscard]] std::vector<std::filesystem::path> trial_cgroup_places(std::string_view mountinfo);

// Removes those whose cedana is gone and in which nothing is any more; which they were.
std::vector<std::filesystem::path> remove_abandoned_trial_cgroups();

} // namespace cedana
