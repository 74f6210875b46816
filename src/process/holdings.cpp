// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/holdings.hpp"

namespace cedana {

TreeHoldings holdings_of(const Procfs& procfs, const ProcessTree& tree) {
    TreeHoldings all;
    for (const TreeProcess& process : tree.processes)
        all.push_back({.process = process,
                       .open = open_files(procfs, process.pid()),
                       .mapped = mapped_files(procfs, process.pid()),
                       .namespaces = Namespaces(procfs, process.pid())});
    return all;
}

} // namespace cedana
