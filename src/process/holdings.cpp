// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/holdings.hpp"

#include "cedana/base/parallel.hpp"

#include <cstddef>
#include <optional>
#include <utility>

namespace cedana {

// By several threads: a tree of many processes stands still while it is looked at, and its processors with it.
TreeHoldings holdings_of(const Procfs& procfs, const ProcessTree& tree) {
    std::vector<std::optional<Holdings>> found(tree.processes.size());
    parallel(found.size(), threads_for(found.size(), k_least_processes_each),
             [&](std::size_t i, const std::stop_token&) {
                 const TreeProcess& process = tree.processes[i];
                 Mappings mappings = mappings_of(procfs, process.pid());
                 found[i].emplace(Holdings{.process = process,
                                           .open = open_files(procfs, process.pid()),
                                           .mapped = std::move(mappings.files),
                                           .private_bytes = mappings.private_bytes,
                                           .opened_to_map = mappings.opened_to_map,
                                           .probed = mappings.probed,
                                           .namespaces = Namespaces(procfs, process.pid())});
             });
    TreeHoldings all;
    all.reserve(found.size());
    for (std::optional<Holdings>& one : found)
        all.push_back(std::move(*one));
    return all;
}

} // namespace cedana
