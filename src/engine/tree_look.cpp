// SPDX-License-Identifier: Apache-2.0
#include "cedana/engine/tree_look.hpp"

#include "cedana/base/leases.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/engine/criu_options.hpp"
#include "cedana/engine/refusals.hpp"
#include "cedana/facts/required_files.hpp"
#include "cedana/process/holdings.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

std::vector<pid_t> SeenTree::pids() const {
    std::vector<pid_t> pids;
    for (const TreeProcess& process : tree.processes)
        pids.push_back(process.pid());
    return pids;
}

std::string SeenTree::target() const { return fmt::format("process {} ({})", pid(), printable(name)); }

std::vector<std::string> SeenTree::sandbox_lost() const {
    std::vector<std::string> sentences;
    for (const SandboxLoss& loss : facts.sandbox)
        sentences.push_back(loss.sentence);
    return sentences;
}

bool SeenTree::leaves_criu_its_cgroup() const {
    return options.ignore_cgroups || facts.cgroups == CgroupPlace::elsewhere;
}

namespace {

// One that is held through a descriptor of the tree. Nobody else has a lease on a file that the tree has open, if one
// to open it would break: that is given only to who alone has it open (fs/locks.c, check_conflicting_open()).
bool holds_lease(const OpenFile& file) {
    return std::ranges::any_of(file.locks,
                               [](std::string_view lock) { return lock.starts_with("LEASE ACTIVE WRITE"); });
}

// What is open for nothing (O_PATH) does not count there: for that the kernel's table is read, which takes a while
// (LeasesAhead).
bool has_lease(const TreeHoldings& tree) {
    std::optional<std::vector<Lease>> leases;
    const auto is_leased = [&](const OpenFile& file) {
        if (holds_lease(file))
            return true;
        if (!file.info || !S_ISREG(file.info->st_mode) || !file.is_place())
            return false;
        if (!leases)
            leases = read_leases();
        return lease_broken_by_reading(*leases, *file.info).has_value();
    };
    return std::ranges::any_of(tree, [&](const Holdings& one) { return std::ranges::any_of(one.open, is_leased); });
}

bool has_served_file(const Procfs& procfs, const TreeHoldings& tree) {
    for (const Holdings& one : tree) {
        std::set<int> served;
        for (const Mount& mount : parse_mounts(procfs.read(one.process.pid(), "mountinfo").value_or("")))
            if (is_served(mount))
                served.insert(mount.id);
        for (const OpenFile& file : one.open)
            if (file.mount && served.contains(*file.mount))
                return true;
    }
    return false;
}

struct Look {
    ProcessTree tree;
    TreeHoldings holdings;
    TreeFacts facts;
};

Look look_once(const Procfs& procfs, ProcessId root) {
    ProcessTree tree = read_tree(procfs, ProcessHandle::open(procfs, root), ::getpid());
    TreeHoldings holdings = holdings_of(procfs, tree);
    TreeFacts facts = read_facts(procfs, tree, holdings, ::getpid());
    return {.tree = std::move(tree), .holdings = std::move(holdings), .facts = std::move(facts)};
}

// A process that opens and closes files while it is read shows what no moment had: the name of one file and the kind of
// the next. Only what a second look sees too counts.
Look look_until_sure(const Procfs& procfs, ProcessId root) {
    Look first = look_once(procfs, root);
    if (first.facts.refusals.empty())
        return first;
    Look second = look_once(procfs, root);
    keep_seen_before(second.facts.refusals, first.facts.refusals);
    return second;
}

} // namespace

SeenTree look_at_tree(const Procfs& procfs, ProcessId root, const Config& config, const std::string& criu) {
    auto [tree, holdings, facts] = look_until_sure(procfs, root);
    CriuOptions options = choose_criu_options(facts, config.criu_extra_args);
    if (options.tcp_established && !criu.empty())
        options.network_lock = criu::usable_network_lock(criu);
    std::vector<RequiredFile> required = required_files(procfs, holdings);
    WrittenFiles written = written_files(holdings, looked_at_from(facts));
    DumpRecord record = record_dump(tree, facts);
    std::string name = process_name(tree);
    return {.tree = std::move(tree),
            .name = std::move(name),
            .facts = std::move(facts),
            .required_files = std::move(required),
            .written = std::move(written),
            .must_not_be_opened = has_lease(holdings) || has_served_file(procfs, holdings),
            .record = std::move(record),
            .options = std::move(options)};
}

} // namespace cedana
