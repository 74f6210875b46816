// SPDX-License-Identifier: Apache-2.0
#include "cedana/engine/tree_look.hpp"

#include "cedana/base/text.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/engine/criu_options.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/required_files.hpp"

#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

std::vector<pid_t> SeenTree::pids() const {
    std::vector<pid_t> pids;
    for (const TreeProcess& process : tree.processes)
        pids.push_back(process.pid());
    return pids;
}

std::string SeenTree::target() const { return fmt::format("process {} ({})", pid(), printable(name)); }

bool SeenTree::leaves_criu_its_cgroup() const {
    return options.ignore_cgroups || facts.cgroups == CgroupPlace::elsewhere;
}

SeenTree look_at_tree(const Procfs& procfs, ProcessId root, const Config& config, const std::string& criu) {
    ProcessTree tree = read_tree(procfs, ProcessHandle::open(procfs, root), ::getpid());
    const TreeHoldings holdings = holdings_of(procfs, tree);
    TreeFacts facts = read_facts(procfs, tree, holdings, ::getpid());
    CriuOptions options = choose_criu_options(facts, config.criu_extra_args);
    if (options.tcp_established && !criu.empty())
        options.network_lock = criu::usable_network_lock(criu);
    std::vector<RequiredFile> required = required_files(procfs, holdings);
    WrittenFiles written = written_files(holdings);
    DumpRecord record = record_dump(tree, facts);
    std::string name = process_name(tree);
    return {.tree = std::move(tree),
            .name = std::move(name),
            .facts = std::move(facts),
            .required_files = std::move(required),
            .written = std::move(written),
            .record = std::move(record),
            .options = std::move(options)};
}

} // namespace cedana
