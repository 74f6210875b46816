// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/free_pids.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <map>
#include <optional>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <poll.h>

namespace cedana {

namespace {

using Clock = std::chrono::steady_clock;

struct Holder {
    ProcessStat stat;
    // The number that is needed: the holder's pid, or that of its group or session.
    pid_t number;
    // What the manifest says of this pid.
    std::uint64_t start_time;
};

// By thread id, and not only by what /proc lists: a thread of another process holds its number too. And a number that
// is still somebody's process group or session cannot be given to a new process (kernel/pid.c).
std::optional<Holder> find_holder(const Procfs& procfs, const Manifest& manifest) {
    std::map<pid_t, std::uint64_t> wanted;
    for (const ManifestProcess& process : manifest.tree)
        for (const pid_t thread : process.threads)
            wanted.emplace(thread, process.start_time);
    for (const auto& [thread, start_time] : wanted)
        if (const auto stat = procfs.stat(thread))
            return Holder{.stat = *stat, .number = thread, .start_time = start_time};
    for (const pid_t pid : procfs.pids()) {
        const auto stat = procfs.stat(pid);
        if (!stat)
            continue;
        for (const pid_t number : {stat->process_group, stat->session})
            if (wanted.contains(number))
                return Holder{.stat = *stat, .number = number, .start_time = wanted.at(number)};
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

[[noreturn]] void refuse(const Procfs& procfs, const Holder& holder) {
    const auto status = procfs.status(holder.stat.pid);
    if (holder.number == holder.stat.pid && status && status->thread_group != 0 &&
        status->thread_group != holder.number && holder.stat.start_time != holder.start_time)
        refuse_thread(procfs, holder, status->thread_group);
    const std::string who = holder.number == holder.stat.pid
                                ? fmt::format("pid {} is taken by {}", holder.number, printable(holder.stat.comm))
                                : fmt::format("pid {} is taken as the group or session of process {} ({})",
                                              holder.number, holder.stat.pid, printable(holder.stat.comm));
    if (holder.stat.state == 'Z') {
        const auto parent = procfs.stat(holder.stat.parent);
        throw Error(Fault::restore_failed, fmt::format("{}, a zombie that its parent {} ({}) has not reaped", who,
                                                       holder.stat.parent, parent ? printable(parent->comm) : "?"))
            .hint("wait until the parent has reaped it, or end the parent");
    }
    if (holder.number == holder.stat.pid && holder.stat.start_time == holder.start_time)
        throw Error(Fault::restore_failed, fmt::format("{}, the process that was checkpointed: it still runs", who))
            .hint(fmt::format("end it first (kill {}), or restore a copy beside it with --new-pidns", holder.stat.pid));
    throw Error(Fault::restore_failed, fmt::format("{}, another process", who))
        .hint(fmt::format("end it, or wait until it has ended: pid {}", holder.stat.pid));
}

} // namespace

void require_free_pids(const Procfs& procfs, const Manifest& manifest, std::chrono::seconds limit,
                       const Interrupt& interrupt) {
    constexpr int k_look_every_ms = 50;
    const auto deadline = Clock::now() + limit;
    bool said = false;
    while (const auto holder = find_holder(procfs, manifest)) {
        if (holder->stat.state != 'Z' || Clock::now() > deadline)
            refuse(procfs, *holder);
        if (!said)
            spdlog::warn("waiting until process {} reaps its ended child {}", holder->stat.parent, holder->stat.pid);
        said = true;
        // No event tells that somebody else's child was reaped, so this looks again and again.
        pollfd entry{.fd = interrupt.fd(), .events = POLLIN, .revents = 0};
        ::poll(&entry, 1, k_look_every_ms);
        interrupt.throw_if_pending();
    }
}

} // namespace cedana
