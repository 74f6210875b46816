// SPDX-License-Identifier: Apache-2.0
// What became of a tree after a dump, seen by pidfd.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/process/tree.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

struct LostProcess {
    pid_t pid = 0;
    std::string comm;
    // "was killed by signal 5 (Trace/breakpoint trap)"; "has ended" if the kernel does not tell how.
    std::string how;
};

// One that was killed inside a tree leaves it wounded; one that ended by itself has cured it before.
enum class CriuEnd { by_itself, killed };

// Tells how a process has ended; absent where that cannot be known.
using Ending = std::function<std::optional<ExitStatus>(const ProcessHandle&)>;

// Those of its processes that a dump has cost the tree: the root if it has ended at all, and descendants that a signal
// has ended. Short-lived ones end all the time, so one that ended by itself is not lost; nor is one of which nobody can
// tell any more, unless CRIU was killed. Then a signal may still be on its way to the root, which is awaited for two
// seconds.
[[nodiscard]] std::vector<LostProcess> lost_processes(const ProcessTree& tree, CriuEnd criu, const Ending& ending);
// As the kernel tells it.
[[nodiscard]] std::vector<LostProcess> lost_processes(const ProcessTree& tree, CriuEnd criu);

// Those that still run, once those of a tree whose CRIU was killed have had as long to end.
[[nodiscard]] std::vector<const TreeProcess*> running_processes(const ProcessTree& tree, CriuEnd criu);

// Waits until every process of a tree that CRIU has killed is gone, so that its pids are free for a restore as soon as
// their parents have reaped them; for ten seconds at most.
void wait_for_end(const ProcessTree& tree);

} // namespace cedana
