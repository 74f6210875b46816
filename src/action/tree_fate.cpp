// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/tree_fate.hpp"

#include "cedana/process/ending.hpp"

#include <poll.h>

namespace cedana {

std::vector<LostProcess> lost_processes(const Procfs& procfs, const ProcessTree& tree,
                                        std::chrono::milliseconds settle) {
    pollfd entry{.fd = tree.root().handle.pidfd().get(), .events = POLLIN, .revents = 0};
    ::poll(&entry, 1, static_cast<int>(settle.count()));
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
    constexpr int k_limit_ms = 10000;
    for (const TreeProcess& process : tree.processes) {
        pollfd entry{.fd = process.handle.pidfd().get(), .events = POLLIN, .revents = 0};
        ::poll(&entry, 1, k_limit_ms);
    }
}

} // namespace cedana
