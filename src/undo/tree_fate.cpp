// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/tree_fate.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/process/ending.hpp"

#include <algorithm>
#include <chrono>

namespace cedana {

namespace {

// A tree that lost its CRIU in the middle may be about to die of a signal that is still on its way.
constexpr auto k_last_signal = std::chrono::seconds(2);

bool is_lost(const std::optional<ExitStatus>& status, CriuEnd criu) {
    return status ? status->signal().has_value() : criu == CriuEnd::killed;
}

} // namespace

std::vector<LostProcess> lost_processes(const ProcessTree& tree, CriuEnd criu, const Ending& ending) {
    if (criu == CriuEnd::killed)
        static_cast<void>(ends_within(tree.root().handle.pidfd(), k_last_signal));
    std::vector<LostProcess> lost;
    for (const TreeProcess& process : tree.processes) {
        if (process.handle.alive())
            continue;
        const auto status = ending(process.handle);
        if (process.pid() == tree.root().pid() || is_lost(status, criu))
            lost.push_back({.pid = process.pid(),
                            .comm = process.stat.comm,
                            .how = status ? status->text() : std::string("has ended")});
    }
    return lost;
}

std::vector<LostProcess> lost_processes(const ProcessTree& tree, CriuEnd criu) {
    const Procfs procfs;
    return lost_processes(tree, criu,
                          [&procfs](const ProcessHandle& process) { return how_it_ended(procfs, process); });
}

std::vector<const TreeProcess*> running_processes(const ProcessTree& tree, CriuEnd criu) {
    const auto until = std::chrono::steady_clock::now() +
                       (criu == CriuEnd::killed ? k_last_signal : std::chrono::steady_clock::duration::zero());
    std::vector<const TreeProcess*> running;
    for (const TreeProcess& process : tree.processes) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (!ends_within(process.handle.pidfd(), std::max(left, std::chrono::milliseconds(0))))
            running.push_back(&process);
    }
    return running;
}

void wait_for_end(const ProcessTree& tree) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (const TreeProcess& process : tree.processes) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        static_cast<void>(ends_within(process.handle.pidfd(), std::max(left, std::chrono::milliseconds(0))));
    }
}

} // namespace cedana
