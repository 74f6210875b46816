// SPDX-License-Identifier: Apache-2.0
// What the keeper of a lazy restore holds of the tree: every userfaultfd, so that a process that waits for a page waits
// on even if the server is gone, and a pidfd of each task, so that the keeper can end it.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/lazy/channel.hpp"

#include <map>

#include <sys/types.h>

namespace cedana {

class HeldTree {
  public:
    explicit HeldTree(TaskNumbers numbers = TaskNumbers::of_this_host) : numbers_(numbers) {}
    // Of a container; its numbers count from now on.
    void hold_root(LazyRoot root);
    void hold(WitnessedFault opened);
    // The memory behind this userfaultfd is complete. `number`: the server's.
    void release(int number) { faults_.erase(number); }
    // Ends the tasks with all that descends from them (undo/end_trees.hpp).
    void end() const;

  private:
    TaskNumbers numbers_;
    // By the server's numbers.
    std::map<int, UniqueFd> faults_;
    std::map<pid_t, UniqueFd> tasks_;
};

} // namespace cedana
