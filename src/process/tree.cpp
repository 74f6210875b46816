// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/tree.hpp"

#include "cedana/base/descriptor_limit.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/parallel.hpp"
#include "cedana/process/command_words.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// A shell loop starts a program at any moment, so that no two looks agree; CRIU freezes it all the same.
constexpr int k_most_looks = 8;
// Beyond them one pass over all processes is quicker than the lists of all these threads.
constexpr int k_most_followed_threads = 256;

// Of a dump, which has for each process a pidfd and a lock, and while it looks again another pidfd; and for itself.
constexpr std::uint64_t k_descriptors_each = 3;
constexpr std::uint64_t k_other_descriptors = 128;

bool is_self_or_ancestor(const Procfs& procfs, pid_t pid, pid_t self) {
    const auto ancestors = procfs.ancestors(self);
    return pid == self || std::find(ancestors.begin(), ancestors.end(), pid) != ancestors.end();
}

void refuse_unfit_root(const Procfs& procfs, const ProcessStat& stat, pid_t self) {
    if (stat.is_zombie() && procfs.threads(stat.pid).size() > 1)
        throw Error(Fault::dump_failed, lost_leader_text(stat)).hint(k_lost_leader_hint);
    if (stat.is_kernel_thread())
        throw Error(Fault::usage, fmt::format("{} is a kernel thread, which cannot be checkpointed", described(stat)));
    if (stat.is_zombie())
        throw Error(Fault::no_process, fmt::format("{} has already ended and waits for its parent, process {}, "
                                                   "to collect it",
                                                   described(stat), stat.parent));
    if (stat.pid == 1)
        throw Error(Fault::usage,
                    fmt::format("{} is the first process of this system, which everything runs under", described(stat)))
            .hint("give the pid of the program itself");
    if (is_self_or_ancestor(procfs, stat.pid, self))
        throw Error(Fault::usage, fmt::format("cedana itself runs under {}", described(stat)))
            .hint("run cedana from a shell outside of it, or put setsid before it");
}

void refuse_closed_books(const Procfs& procfs, const ProcessStat& stat) {
    // /proc/PID/exe needs the right to ptrace: without it nothing else of value can be seen either.
    if (!procfs.link(stat.pid, "exe"))
        throw Error(Fault::permission, fmt::format("not permitted to look into {}", described(stat)))
            .hint("run it with sudo");
}

// The descendants of `root`, with it, by one pass over all processes; parents before their children.
std::vector<ProcessStat> look(const Procfs& procfs, pid_t root) {
    std::multimap<pid_t, ProcessStat> children;
    std::vector<ProcessStat> found;
    for (const pid_t pid : procfs.pids()) {
        auto stat = procfs.stat(pid);
        if (stat && pid == root)
            found.push_back(std::move(*stat));
        else if (stat)
            children.emplace(stat->parent, std::move(*stat));
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
        const auto [first, last] = children.equal_range(found[i].pid);
        for (auto child = first; child != last; ++child)
            found.push_back(std::move(child->second));
        children.erase(first, last);
    }
    return found;
}

// As above, by the lists of children. Absent where the kernel has none, or there are more threads than `most`.
std::optional<std::vector<ProcessStat>> follow(const Procfs& procfs, pid_t root,
                                               int most = std::numeric_limits<int>::max()) {
    std::vector<ProcessStat> found;
    int threads = 0;
    if (auto stat = procfs.stat(root))
        found.push_back(std::move(*stat));
    for (std::size_t i = 0; i < found.size(); ++i) {
        threads += found[i].threads;
        const auto children = threads <= most ? procfs.children(found[i].pid) : std::nullopt;
        if (!children)
            return std::nullopt;
        for (const pid_t child : *children)
            if (auto stat = procfs.stat(child))
                found.push_back(std::move(*stat));
    }
    return found;
}

bool same_processes(const std::vector<ProcessStat>& a, const std::vector<ProcessStat>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ProcessStat& one, const ProcessStat& other) {
        return one.pid == other.pid && one.start_time == other.start_time;
    });
}

// By the lists of children, if two in a row are the same: the kernel may leave one out while another ends (proc(5)).
std::optional<std::vector<ProcessStat>> settled_follow(const Procfs& procfs, pid_t root) {
    auto now = follow(procfs, root, k_most_followed_threads);
    const auto next = now ? follow(procfs, root, k_most_followed_threads) : std::nullopt;
    return next && same_processes(*next, *now) ? std::move(now) : std::nullopt;
}

std::vector<ProcessStat> settled_look(const Procfs& procfs, pid_t root) {
    if (auto found = settled_follow(procfs, root))
        return std::move(*found);
    std::vector<ProcessStat> now = look(procfs, root);
    for (int looks = 1; looks < k_most_looks; ++looks) {
        std::vector<ProcessStat> next = look(procfs, root);
        const bool same = same_processes(next, now);
        now = std::move(next);
        if (same)
            break;
    }
    return now;
}

std::optional<ProcessHandle> open_if_there(const Procfs& procfs, ProcessId id) {
    try {
        return ProcessHandle::open(procfs, id);
    } catch (const Error& error) {
        if (error.fault() != Fault::no_process)
            throw;
        return std::nullopt;
    }
}

// Absent if it ended meanwhile.
std::optional<TreeProcess> describe(const Procfs& procfs, ProcessHandle handle) {
    const pid_t pid = handle.pid();
    auto stat = procfs.stat(pid);
    auto status = procfs.status(pid);
    if (!stat || !status)
        return std::nullopt;
    TreeProcess process{.handle = std::move(handle),
                        .stat = std::move(*stat),
                        .status = std::move(*status),
                        .executable = procfs.executable(pid).value_or(""),
                        .command_line = procfs.command_line(pid),
                        .threads = procfs.threads(pid)};
    // All of it is of this process only if it is still there now.
    if (!process.handle.present())
        return std::nullopt;
    return process;
}

Error ended(pid_t pid) { return {Fault::no_process, fmt::format("process {} has ended", pid)}; }

ProcessTree describe_all(const Procfs& procfs, ProcessHandle root, const std::vector<ProcessStat>& seen) {
    const pid_t pid = root.pid();
    auto described_root = describe(procfs, std::move(root));
    if (!described_root)
        throw ended(pid);
    std::vector<std::optional<TreeProcess>> found(seen.size());
    parallel(found.size(), threads_for(found.size(), k_least_processes_each),
             [&](std::size_t i, const std::stop_token&) {
                 auto handle = seen[i].pid == pid
                                   ? std::nullopt
                                   : open_if_there(procfs, {.pid = seen[i].pid, .start_time = seen[i].start_time});
                 if (handle)
                     found[i] = describe(procfs, std::move(*handle));
             });
    ProcessTree tree;
    tree.processes.push_back(std::move(*described_root));
    for (std::optional<TreeProcess>& one : found)
        // Where its parent has ended it belongs to somebody else now.
        if (one && tree.contains(one->stat.parent))
            tree.processes.push_back(std::move(*one));
    return tree;
}

} // namespace

bool ProcessTree::contains(pid_t pid) const noexcept {
    return std::any_of(processes.begin(), processes.end(), [&](const TreeProcess& one) { return one.pid() == pid; });
}

std::uint64_t ProcessTree::resident_bytes() const noexcept {
    std::uint64_t sum = 0;
    for (const TreeProcess& process : processes)
        sum += process.stat.resident_bytes;
    return sum;
}

std::vector<ProcessId> ProcessTree::ids() const {
    std::vector<ProcessId> ids;
    for (const TreeProcess& process : processes)
        ids.push_back(process.handle.id());
    return ids;
}

ProcessTree read_tree(const Procfs& procfs, ProcessHandle root, pid_t self) {
    const pid_t pid = root.pid();
    const auto stat = procfs.stat(pid);
    if (!stat || !root.present())
        throw ended(pid);
    refuse_unfit_root(procfs, *stat, self);
    refuse_closed_books(procfs, *stat);
    const std::vector<ProcessStat> seen = settled_look(procfs, pid);
    require_descriptors(k_other_descriptors + k_descriptors_each * seen.size(),
                        fmt::format("a dump of {}, with {} processes,", described(*stat), seen.size()));
    return describe_all(procfs, std::move(root), seen);
}

ProcessTree read_frozen_tree(const Procfs& procfs, ProcessHandle root) {
    const pid_t pid = root.pid();
    auto seen = follow(procfs, pid);
    return describe_all(procfs, std::move(root), seen ? *seen : look(procfs, pid));
}

std::string process_name(const ProcessTree& tree) {
    const TreeProcess& root = tree.root();
    // Nobody means the interpreter.
    if (auto script = script_name(root.command_line); script && !script->empty())
        return *script;
    const std::string name = root.executable.filename().string();
    // Debian's redis-server is a link to redis-check-rdb, python3 one to python3.11: the link's name is what people
    // call it. The kernel's name for the process is that of the file that was started.
    std::error_code ignored;
    const bool by_link =
        std::filesystem::equivalent(root.executable.parent_path() / root.stat.comm, root.executable, ignored);
    return name.empty() || by_link ? root.stat.comm : name;
}

std::string lost_leader_text(const ProcessStat& stat) {
    return fmt::format(
        "the main thread of {} has ended (pthread_exit) while others of its threads run, and CRIU cannot "
        "dump that",
        described(stat));
}

} // namespace cedana
