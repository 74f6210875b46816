// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/tree_fate.hpp"

#include <poll.h>

namespace cedana {

bool runs_on(const ProcessTree& tree, std::chrono::milliseconds settle) {
    pollfd entry{.fd = tree.root().handle.pidfd().get(), .events = POLLIN, .revents = 0};
    ::poll(&entry, 1, static_cast<int>(settle.count()));
    return tree.root().handle.alive();
}

void wait_for_end(const ProcessTree& tree) {
    constexpr int k_limit_ms = 10000;
    for (const TreeProcess& process : tree.processes) {
        pollfd entry{.fd = process.handle.pidfd().get(), .events = POLLIN, .revents = 0};
        ::poll(&entry, 1, k_limit_ms);
    }
}

} // namespace cedana
