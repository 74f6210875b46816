// SPDX-License-Identifier: Apache-2.0
// What a program has, that can be seen, and that does not come back: what is small, told at the dump, and what shuts it
// in, for which a dump is refused unless it is asked for. What cannot be seen from outside is in docs/limits.md.
#pragma once

#include "cedana/model/process_attributes.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/process/sockets.hpp"
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
    // What is locked page by page, as each is touched (mlock2(2)); what lies side by side is one range.
    std::vector<MemoryRange> locked_on_fault = {};
};
[[nodiscard]] MappingFlags parse_smaps(std::string_view smaps);
// The same of a process, or nothing at all where it has locked nothing.
[[nodiscard]] MappingFlags locked_memory(const Procfs& procfs, pid_t pid);

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
// The same, of threads that have left what a process has in common (unshare(2)): namespaces, root and working folder,
// descriptors; and of children that tell their end by another signal than SIGCHLD (clone(2)).
[[nodiscard]] std::vector<std::string> find_lost_sharing(const Procfs& procfs, const ProcessTree& tree);
// The same, of names that accepted connections of unix sockets have from their listener.
[[nodiscard]] std::vector<std::string> find_lost_names(const TreeSockets& sockets);
// The same, of how processes have ended whose parents have not asked yet.
[[nodiscard]] std::vector<std::string> find_lost_ends(const ProcessTree& tree);
// The same, of children of the root that come back outside of the tree: those that it has adopted.
[[nodiscard]] std::vector<std::string> find_lost_children(const ProcessTree& tree);
// The same, of files of unix sockets below a root of a process's own.
[[nodiscard]] std::vector<std::string> find_lost_places(const Procfs& procfs, const TreeHoldings& tree);
// The same, of what is in queues of descriptors, and of what epoll instances wait for no more. The tree stands still,
// so that it is what the images lack.
[[nodiscard]] std::vector<std::string> find_unread(const TreeHoldings& tree);

} // namespace cedana
