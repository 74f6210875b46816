// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/free_pids.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/process/next_pids.hpp"

#include <map>
#include <optional>
#include <set>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

namespace cedana {

namespace {

using Clock = std::chrono::steady_clock;

struct Holder {
    ProcessStat stat;
    // The number that is needed: the holder's pid, or that of its group or session.
    pid_t number;
    // Whose number it was at the dump; null: that of a leader that had ended.
    const ManifestProcess* wanted;
};

bool is_the_same(const Holder& holder) {
    return holder.wanted != nullptr && holder.stat.start_time == holder.wanted->start_time;
}

// A restore gives a process its pid, its program and its command line back, but not its start time.
bool is_restored(const Procfs& procfs, const Holder& holder, pid_t process) {
    if (holder.wanted == nullptr)
        return false;
    const ManifestProcess& wanted = *holder.wanted;
    const auto executable = procfs.executable(process);
    return process == wanted.pid && executable && executable->string() == wanted.executable &&
           procfs.command_line(process) == wanted.command_line;
}

// By thread id, and not only by what /proc lists: a thread of another process holds its number too. And a number that
// is still somebody's process group or session cannot be given to a new process (kernel/pid.c).
std::optional<Holder> find_holder(const Procfs& procfs, const Manifest& manifest, const std::vector<pid_t>& leaders) {
    std::map<pid_t, const ManifestProcess*> wanted;
    for (const pid_t leader : leaders)
        wanted.emplace(leader, nullptr);
    for (const ManifestProcess& process : manifest.tree)
        for (const pid_t thread : process.threads)
            wanted.insert_or_assign(thread, &process);
    std::vector<pid_t> numbers;
    for (const auto& [number, process] : wanted)
        numbers.push_back(number);
    if (!procfs.may_use(numbers))
        return std::nullopt;
    for (const auto& [thread, process] : wanted)
        if (const auto stat = procfs.stat(thread))
            return Holder{.stat = *stat, .number = thread, .wanted = process};
    for (const pid_t pid : procfs.pids()) {
        const auto stat = procfs.stat(pid);
        if (!stat)
            continue;
        for (const pid_t number : {stat->process_group, stat->session})
            if (wanted.contains(number))
                return Holder{.stat = *stat, .number = number, .wanted = wanted.at(number)};
    }
    return std::nullopt;
}

// A thread id that a thread of a process holds; it cannot be ended alone.
[[noreturn]] void refuse_thread(const Procfs& procfs, const Holder& holder, pid_t process) {
    const auto stat = procfs.stat(process);
    throw Error(Fault::restore_failed, fmt::format("pid {} is taken by a thread of process {} ({})", holder.number,
                                                   process, stat ? printable(stat->comm) : "?"))
        .hint(fmt::format("end that process, or wait until it has ended: pid {}", process));
}

// As in a pid namespace that was just made: its first numbers are ours.
[[noreturn]] void refuse_ourselves(const Holder& holder, const Manifest& manifest) {
    const auto last = last_before_free(numbers_of(manifest), read_pid_max(), k_own_numbers);
    throw Error(Fault::restore_failed, fmt::format("pid {} is taken by this command itself", holder.number))
        .hint(fmt::format("have the kernel give higher numbers and run it again: echo {} "
                          ">/proc/sys/kernel/ns_last_pid",
                          last.value_or(holder.number)));
}

[[noreturn]] void refuse(const Procfs& procfs, const Holder& holder) {
    const bool has_it_itself = holder.number == holder.stat.pid;
    const auto status = procfs.status(holder.stat.pid);
    const pid_t process = status && status->thread_group != 0 ? status->thread_group : holder.stat.pid;
    const bool restored = has_it_itself && is_restored(procfs, holder, process);
    if (has_it_itself && process != holder.number && !is_the_same(holder) && !restored)
        refuse_thread(procfs, holder, process);
    const std::string number =
        holder.wanted != nullptr ? fmt::format("pid {}", holder.number)
                                 : fmt::format("pid {}, the number of a group or session of the tree,", holder.number);
    const std::string who = has_it_itself ? fmt::format("{} is taken by {}", number, printable(holder.stat.comm))
                                          : fmt::format("{} is taken as the group or session of process {} ({})",
                                                        number, holder.stat.pid, printable(holder.stat.comm));
    if (holder.stat.state == 'Z') {
        const auto parent = procfs.stat(holder.stat.parent);
        throw Error(Fault::restore_failed, fmt::format("{}, a zombie that its parent {} ({}) has not reaped", who,
                                                       holder.stat.parent, parent ? printable(parent->comm) : "?"))
            .hint("wait until the parent has reaped it, or end the parent");
    }
    const bool the_same = has_it_itself && is_the_same(holder);
    if (the_same || restored)
        throw Error(Fault::restore_failed, fmt::format("{}, the process that was checkpointed: it {} runs", who,
                                                       the_same ? "still" : "was restored and"))
            .hint(fmt::format("end it first (kill {}), or restore a copy beside it with --new-pidns", process));
    throw Error(Fault::restore_failed, fmt::format("{}, another process", who))
        .hint(fmt::format("end it, or wait until it has ended: pid {}", holder.stat.pid));
}

} // namespace

std::vector<pid_t> pids_of(const Manifest& manifest) {
    std::vector<pid_t> pids;
    for (const ManifestProcess& process : manifest.tree)
        pids.push_back(process.pid);
    return pids;
}

std::set<pid_t> numbers_of(const Manifest& manifest) {
    std::set<pid_t> numbers;
    for (const ManifestProcess& process : manifest.tree) {
        numbers.insert(process.pid);
        numbers.insert(process.threads.begin(), process.threads.end());
    }
    return numbers;
}

void require_free_pids(const Procfs& procfs, const Manifest& manifest, const std::vector<pid_t>& leaders,
                       std::chrono::seconds limit, const Interrupt& interrupt) {
    constexpr std::chrono::milliseconds k_look_every{50};
    const auto deadline = Clock::now() + limit;
    bool said = false;
    while (const auto holder = find_holder(procfs, manifest, leaders)) {
        if (holder->stat.pid == ::getpid() && holder->number == ::getpid())
            refuse_ourselves(*holder, manifest);
        if (holder->stat.state != 'Z' || Clock::now() > deadline)
            refuse(procfs, *holder);
        if (!said)
            spdlog::warn("waiting until process {} reaps its ended child {}", holder->stat.parent, holder->stat.pid);
        said = true;
        // No event tells that somebody else's child was reaped, so this looks again and again.
        if (interrupt.pending_within(k_look_every))
            interrupt.throw_if_pending();
    }
}

} // namespace cedana
