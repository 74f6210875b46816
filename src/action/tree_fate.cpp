// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/tree_fate.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/process/ending.hpp"

namespace cedana {

std::vector<LostProcess> lost_processes(const Procfs& procfs, const ProcessTree& tree,
                                        std::chrono::milliseconds settle) {
    static_cast<void>(ends_within(tree.root().handle.pidfd(), settle));
    std::vector<LostProcess> lost;
    for (const TreeProcess& process : tree.processes) {
        if (process.handle.alive())
            continue;
        const auto status = how_it_ended(procfs, process.handle);
        if (process.pid() == tree.root().pid() || !status || status->signal())
            lost.push_back({.pid = process.pid(),
                            .comm = process.stat.comm,
                            .how = status ? status->text() : std::string("has ended")});
    }
    return lost;
}

void wait_for_end(const ProcessTree& tree) {
    constexpr auto k_limit = std::chrono::seconds(10);
    for (const TreeProcess& process : tree.processes)
        static_cast<void>(ends_within(process.handle.pidfd(), k_limit));
}

} // namespace cedana
