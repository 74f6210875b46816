// SPDX-License-Identifier: Apache-2.0
// What a program has, that can be seen, and that does not come back: what is small, told at the dump, and what shuts it
// in, for which a dump is refused unless it is asked for. What cannot be seen from outside is in docs/limits.md.
#pragma once

#include "cedana/process/holdings.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/process/tree.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// Of the memory of a process, from /proc/PID/smaps.
struct MappingFlags {
    // Sealed by the program itself (mseal(2)).
    std::size_t sealed = 0;
    // With a memory protection key (pkeys(7)).
    std::size_t keyed = 0;
    // Of its own mappings that can be locked, some; and all of them.
    bool locked = false;
    bool all_locked = false;
};
[[nodiscard]] MappingFlags parse_smaps(std::string_view smaps);

struct SandboxLoss {
    pid_t pid = 0;
    // "process 4242 (name) has sealed 3 of its mappings (mseal), and CRIU does not seal them again"
    std::string sentence = {};
};
// Touches no process. Reads the flags of every mapping, where there may be such.
[[nodiscard]] std::vector<SandboxLoss> find_sandbox_losses(const Procfs& procfs, const ProcessTree& tree);

// "the mitigation of speculation that process 4242 (name) has asked for": what a restore brings it back without.
// Touches no process.
[[nodiscard]] std::vector<std::string> find_losses(const Procfs& procfs, const ProcessTree& tree);
// The same, of watches of inotify on files that have lost their last name. Opens no file in a way that others notice.
[[nodiscard]] std::vector<std::string> find_lost_watches(const Procfs& procfs, const TreeHoldings& tree);
// The same, of eventfds that are semaphores (EFD_SEMAPHORE, eventfd(2)). Linux 6.5 and later tells which are.
[[nodiscard]] std::vector<std::string> find_lost_semaphores(const Procfs& procfs, const TreeHoldings& tree);
// The same, of what is in queues of descriptors. The tree stands still, so that it is what the images lack.
[[nodiscard]] std::vector<std::string> find_unread(const TreeHoldings& tree);

} // namespace cedana
