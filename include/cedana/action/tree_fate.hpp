// SPDX-License-Identifier: Apache-2.0
// What became of a tree after a dump, seen by pidfd.
#pragma once

#include "cedana/process/tree.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace cedana {

struct LostProcess {
    pid_t pid = 0;
    std::string comm;
    // "was killed by signal 5 (Trace/breakpoint trap)"; "has ended" if the kernel does not tell how.
    std::string how;
};

// Those of its processes that a dump has cost the tree, as they are after `settle`: the root if it has ended at all,
// and descendants that a signal has ended. Short-lived ones end all the time, so one that ended by itself is not lost.
// Returns at once when the root has ended.
[[nodiscard]] std::vector<LostProcess> lost_processes(const Procfs& procfs, const ProcessTree& tree,
                                                      std::chrono::milliseconds settle);

// Waits until every process of a tree that CRIU has killed is gone, so that its pids are free for a restore as soon as
// their parents have reaped them.
void wait_for_end(const ProcessTree& tree);

} // namespace cedana
