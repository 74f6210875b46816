// SPDX-License-Identifier: Apache-2.0
// Which processes belong to a tree, or have belonged to it for a moment since this began to look. A list that is kept:
// of a process that has ended and was reaped, nothing else tells whose child it was.
#pragma once

#include "cedana/process/fork_news.hpp"
#include "cedana/process/identity.hpp"
#include "cedana/process/procfs.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include <sys/types.h>

namespace cedana {

enum class TreeState { running, frozen };

class Descendants {
  public:
    // The tree of `root` as it is now. `procfs` must outlive it.
    Descendants(const Procfs& procfs, pid_t root);

    // Readable when update() has news; -1 where the kernel does not tell of forks and only looking helps.
    [[nodiscard]] int fd() const noexcept { return forks_ ? forks_->fd() : -1; }
    // However many processes the host has, of a frozen tree only its own are looked at (unless the kernel was built
    // without CONFIG_PROC_CHILDREN).
    void update(TreeState state = TreeState::running);
    // Whether this pid is, or was last, that of a process of the tree.
    [[nodiscard]] bool contain(pid_t pid) const { return members_.contains(pid); }
    // As above, for a process that is there.
    [[nodiscard]] bool contain(ProcessId process) const;
    // A child that came and went between two updates may be missing.
    [[nodiscard]] bool may_lack_some() const noexcept { return !forks_ || forks_->has_gaps(); }

    // What update() does with the kernel's news.
    void take_forks(std::span<const Fork> forks);

  private:
    void look();
    // As look(), by the lists of children; false where the kernel has none.
    [[nodiscard]] bool follow();
    void take_start_time(const ProcessStat& stat);

    const Procfs& procfs_;
    std::optional<ForkListener> forks_;
    // With the start time; 0 where it was not seen.
    std::map<pid_t, std::uint64_t> members_;
};

} // namespace cedana
