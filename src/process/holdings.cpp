// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/holdings.hpp"

#include <utility>

namespace cedana {

TreeHoldings holdings_of(const Procfs& procfs, const ProcessTree& tree) {
    TreeHoldings all;
    for (const TreeProcess& process : tree.processes) {
        Mappings mappings = mappings_of(procfs, process.pid());
        all.push_back({.process = process,
                       .open = open_files(procfs, process.pid()),
                       .mapped = std::move(mappings.files),
                       .private_bytes = mappings.private_bytes,
                       .probed = mappings.probed,
                       .namespaces = Namespaces(procfs, process.pid())});
    }
    return all;
}

} // namespace cedana
