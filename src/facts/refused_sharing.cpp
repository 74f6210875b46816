// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/lasts.hpp"
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include "kernel_compare.hpp"

namespace cedana {

namespace {

struct SharedKind {
    Common what;
    // "clone with CLONE_VM"
    const char* flag;
    const char* text;
};

// criu/cr-dump.c, dump_task_kobj_ids(): each must be a process's own ("Can't make VM id for 42"), but for descriptors,
// which it may have in common with its parent.
constexpr auto k_shared_kinds = std::to_array<SharedKind>({
    {Common::memory, "CLONE_VM", "memory"},
    {Common::folders, "CLONE_FS", "root, working folder and umask"},
    {Common::descriptors, "CLONE_FILES", "descriptors"},
    {Common::signal_handlers, "CLONE_SIGHAND", "signal handlers"},
});

using Pair = std::pair<const TreeProcess*, const TreeProcess*>;

bool are_common(const TreeProcess& one, const TreeProcess& other, Common what) {
    return compare_common(one.pid(), other.pid(), what) == 0;
}

bool is_with_parent(const ProcessTree& tree, const TreeProcess& process) {
    const auto parent = std::ranges::find(tree.processes, process.stat.parent, &TreeProcess::pid);
    return parent != tree.processes.end() && are_common(*parent, process, Common::descriptors);
}

// The processes that have it in common with one before them, and that one. By the order that kcmp(2) gives: a tree may
// have thousands.
std::vector<Pair> pairs_in_common(const ProcessTree& tree, Common what) {
    std::vector<Pair> pairs;
    std::vector<const TreeProcess*> known;
    for (const TreeProcess& process : tree.processes) {
        // What has ended has nothing any more, which would be the same nothing.
        if (process.stat.is_zombie())
            continue;
        auto first = known.begin();
        auto last = known.end();
        std::optional<int> order;
        while (first != last) {
            const auto middle = first + (last - first) / 2;
            order = compare_common((*middle)->pid(), process.pid(), what);
            if (!order || *order == 0) {
                first = middle;
                break;
            }
            constexpr int k_less = 1;
            *order == k_less ? first = middle + 1 : last = middle;
        }
        if (order == 0)
            pairs.emplace_back(&process, *first);
        else if (order || known.empty())
            known.insert(first, &process);
    }
    return pairs;
}

bool still_runs(const Procfs& procfs, const TreeProcess& process) {
    const auto stat = procfs.stat(process.pid());
    return stat && stat->start_time == process.stat.start_time && !stat->is_zombie();
}

// A child has its parent's memory for a moment when it is to start a program (vfork(2), posix_spawn(3)).
bool lasts_in_common(const Procfs& procfs, const Pair& pair, Common what) {
    return lasts([&] {
        return still_runs(procfs, *pair.first) && still_runs(procfs, *pair.second) &&
               are_common(*pair.second, *pair.first, what);
    });
}

} // namespace

std::vector<Refusal> refused_sharing(const Procfs& procfs, const ProcessTree& tree) {
    std::vector<Refusal> refusals;
    for (const SharedKind& kind : k_shared_kinds) {
        for (const Pair& pair : pairs_in_common(tree, kind.what)) {
            const TreeProcess* const process = pair.first;
            const TreeProcess* const other = pair.second;
            if (kind.what == Common::descriptors && is_with_parent(tree, *process))
                continue;
            // One reason is enough, and what waits in vfork has one already.
            if (std::ranges::any_of(refusals, [&](const Refusal& one) { return one.pid == process->pid(); }) ||
                waits_inside_vfork(procfs, *other) || !lasts_in_common(procfs, pair, kind.what))
                continue;
            refusals.push_back(
                {.pid = process->pid(),
                 .sentence = fmt::format("{} has its {} in common with {} (clone with {}), which CRIU cannot dump",
                                         described(process->stat), kind.text, described(other->stat), kind.flag),
                 .hint = fmt::format("let the program make it by fork, or as a thread, or end process {} first",
                                     process->pid()),
                 .program_can_help = true});
        }
    }
    return refusals;
}

} // namespace cedana
