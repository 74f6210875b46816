// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include "cedana/base/text.hpp"
#include "cedana/facts/lasts.hpp"

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <linux/capability.h>
#include <sys/syscall.h>

namespace cedana {

namespace {

std::optional<Refusal> refuse_traced(const Procfs& procfs, const TreeProcess& process) {
    const pid_t tracer = process.status.tracer;
    if (tracer == 0)
        return std::nullopt;
    const auto stat = procfs.stat(tracer);
    return Refusal{.pid = process.pid(),
                   .sentence =
                       fmt::format("{} is traced by {}, and only one tracer is possible", described(process.stat),
                                   stat ? described(*stat) : fmt::format("process {}", tracer)),
                   .hint = fmt::format("end the debugger or strace first: process {}", tracer)};
}

bool all_equal(const Credentials& ids, unsigned id) { return ids.real == id && ids.effective == id && ids.saved == id; }

// "user 33"; where the three are not the same, "real, effective and saved user 0, 33 and 33".
std::string ids_text(const char* kind, const Credentials& ids) {
    if (all_equal(ids, ids.effective))
        return fmt::format("{} {}", kind, ids.effective);
    return fmt::format("real, effective and saved {} {}, {} and {}", kind, ids.real, ids.effective, ids.saved);
}

// prlimit(2) on another process: the same real, effective and saved ids as the caller's real ones, or
// CAP_SYS_RESOURCE. CRIU: "Can't get rlimit 0: Operation not permitted".
std::optional<Refusal> refuse_foreign_limits(const ProcessStatus& own, const TreeProcess& process) {
    if (own.has_capability(CAP_SYS_RESOURCE) || process.stat.is_zombie())
        return std::nullopt;
    std::vector<std::string> others;
    if (!all_equal(process.status.uid, own.uid.real))
        others.push_back(ids_text("user", process.status.uid));
    if (!all_equal(process.status.gid, own.gid.real))
        others.push_back(ids_text("group", process.status.gid));
    if (others.empty())
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .fault = Fault::environment,
                   .sentence =
                       fmt::format("{} runs as {}, and without the capability CAP_SYS_RESOURCE CRIU cannot "
                                   "read the limits of a process that has not the user and group of cedana, {} "
                                   "and {}",
                                   described(process.stat), fmt::join(others, " and "), own.uid.real, own.gid.real),
                   .hint = "run cedana where root has CAP_SYS_RESOURCE (in a container: --cap-add SYS_RESOURCE)"};
}

// CRIU: "Can't dump the thread with a pending SIGTRAP".
std::optional<Refusal> refuse_pending_trap(const TreeProcess& process) {
    if (((process.status.pending_signals >> (SIGTRAP - 1)) & 1U) == 0)
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} has blocked a SIGTRAP that was sent to it, which CRIU cannot dump",
                                           described(process.stat)),
                   .hint = "let the program take the signal or ignore it (unblock SIGTRAP), and try again",
                   .program_can_help = true};
}

// A process that made a child by vfork cannot be stopped before that child starts a program or ends. CRIU: "Timeout
// reached. Try to interrupt".
bool waits_in_vfork(const Procfs& procfs, pid_t pid, pid_t thread) {
    const std::string folder = fmt::format("task/{}/", thread);
    const auto stat = parse_stat(procfs.read(pid, (folder + "stat").c_str()).value_or(""));
    if (!stat || stat->state != 'D')
        return false;
    // "58 0x55e50de1e537 …"
    const std::string call = procfs.read(pid, (folder + "syscall").c_str()).value_or("");
    const std::string number = call.substr(0, call.find_first_of(" \n"));
#ifdef SYS_vfork
    if (number == std::to_string(SYS_vfork))
        return true;
#endif
    return number == std::to_string(SYS_clone) || number == std::to_string(SYS_clone3);
}

// "/docker/1f2e" of "5:freezer:/docker/1f2e" (cgroups(7)).
std::string freezer_group(const Procfs& procfs, pid_t pid) {
    constexpr std::string_view k_freezer = ":freezer:";
    for (const std::string& line : split(procfs.read(pid, "cgroup").value_or(""), '\n'))
        if (const std::size_t at = line.find(k_freezer); at != std::string::npos)
            return line.substr(at + k_freezer.size());
    return {};
}

bool is_frozen(const Procfs& procfs, pid_t pid) { return procfs.read(pid, "wchan") == "__refrigerator"; }

// By a control group of version 1 (kernel/freezer.c): ptrace(2) cannot stop it, as it can where version 2 has frozen
// it. CRIU: "Timeout reached. Try to interrupt".
std::optional<Refusal> refuse_frozen(const Procfs& procfs, const TreeProcess& process) {
    if (!lasts([&] { return is_frozen(procfs, process.pid()); }))
        return std::nullopt;
    const std::string group = freezer_group(procfs, process.pid());
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} is frozen by its control group {} (freezer), and so cannot be stopped",
                                           described(process.stat), printable(group)),
                   .hint = fmt::format("let it run first: echo THAWED > {}",
                                       shell_word(fmt::format("/sys/fs/cgroup/freezer{}/freezer.state", group))),
                   .passed_with = "--freeze-cgroup"};
}

// pthread_exit(3) of the first thread. CRIU: "Zombies with threads are not supported".
std::optional<Refusal> refuse_lost_leader(const TreeProcess& process) {
    if (!process.stat.is_zombie() || process.threads.size() < 2)
        return std::nullopt;
    return Refusal{.pid = process.pid(), .sentence = lost_leader_text(process.stat), .hint = k_lost_leader_hint};
}

std::optional<Refusal> refuse_vfork(const Procfs& procfs, const ProcessTree& tree, const TreeProcess& process) {
    const auto child =
        std::ranges::find_if(tree.processes, [&](const TreeProcess& one) { return one.stat.parent == process.pid(); });
    if (child == tree.processes.end())
        return std::nullopt;
    const auto thread =
        std::ranges::find_if(process.threads, [&](pid_t one) { return waits_in_vfork(procfs, process.pid(), one); });
    // Programs start others this way all the time, which takes a moment.
    if (thread == process.threads.end() || !lasts([&] { return waits_in_vfork(procfs, process.pid(), *thread); }))
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} waits inside of vfork for {} and cannot be stopped",
                                           described(process.stat), described(child->stat)),
                   .hint = fmt::format("wait until process {} has started its program, or end it", child->pid()),
                   .program_can_help = true};
}

} // namespace

bool waits_inside_vfork(const Procfs& procfs, const TreeProcess& process) {
    return std::ranges::any_of(process.threads, [&](pid_t one) { return waits_in_vfork(procfs, process.pid(), one); });
}

std::vector<Refusal> refused_processes(const Procfs& procfs, const ProcessTree& tree, pid_t self) {
    std::vector<Refusal> refusals;
    const auto own = procfs.status(self);
    for (const TreeProcess& process : tree.processes) {
        if (auto refusal = refuse_traced(procfs, process))
            refusals.push_back(std::move(*refusal));
        if (auto refusal = own ? refuse_foreign_limits(*own, process) : std::nullopt)
            refusals.push_back(std::move(*refusal));
        if (auto refusal = refuse_pending_trap(process))
            refusals.push_back(std::move(*refusal));
        if (auto refusal = refuse_frozen(procfs, process))
            refusals.push_back(std::move(*refusal));
        if (auto refusal = refuse_lost_leader(process))
            refusals.push_back(std::move(*refusal));
        if (auto refusal = refuse_vfork(procfs, tree, process))
            refusals.push_back(std::move(*refusal));
    }
    return refusals;
}

} // namespace cedana
