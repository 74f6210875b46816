// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"
#include "cedana/criu/image_mends.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include <sys/resource.h>

#include "changed_image.hpp"

namespace cedana::criu {

namespace {

// A bit for each signal of a signal_queue_entry.
std::uint64_t signals_in(std::string_view queue) {
    std::uint64_t signals = 0;
    for (auto one = fields_of<SignalQueueEntry>(queue); one.next(SignalQueueEntry::signals);) {
        const std::string_view info = bytes_in(message_of<SiginfoEntry>(one), SiginfoEntry::siginfo);
        // si_signo (sigaction(2)).
        std::int32_t number = 0;
        if (info.size() < sizeof number)
            throw damaged_image("a signal has no number");
        std::memcpy(&number, info.data(), sizeof number);
        if (number < 1 || number > 64)
            throw damaged_image("it has a signal that does not exist");
        signals |= std::uint64_t{1} << static_cast<unsigned>(number - 1);
    }
    return signals;
}

// x86-64, of arch/x86/entry/syscalls/syscall_64.tbl: calls of which CRIU leaves EINTR behind, either because they go on
// by a restart block, or because they say EINTR themselves whenever they are woken. Those that a second time would do
// something else (close, connect) are not among them.
constexpr std::uint64_t k_futex = 202;
constexpr std::array<std::uint64_t, 32> k_waiting_calls = {
    0,   // read
    1,   // write
    7,   // poll
    19,  // readv
    20,  // writev
    23,  // select
    35,  // nanosleep
    43,  // accept
    44,  // sendto
    45,  // recvfrom
    46,  // sendmsg
    47,  // recvmsg
    65,  // semop
    69,  // msgsnd
    70,  // msgrcv
    128, // rt_sigtimedwait
    k_futex,
    208, // io_getevents
    220, // semtimedop
    230, // clock_nanosleep
    232, // epoll_wait
    270, // pselect6
    271, // ppoll
    275, // splice
    281, // epoll_pwait
    288, // accept4
    299, // recvmmsg
    307, // sendmmsg
    327, // preadv2
    328, // pwritev2
    333, // io_pgetevents
    441, // epoll_pwait2
};

// Where a program has its memory, and numbers that it counts with never are: PIE programs, libraries and stacks.
bool may_be_address(std::uint64_t value) { return value >= std::uint64_t{1} << 32; }

struct Registers {
    explicit Registers(std::string_view message)
        : ax(number(message, UserX86RegsEntry::ax)), di(number(message, UserX86RegsEntry::di)),
          si(number(message, UserX86RegsEntry::si)), dx(number(message, UserX86RegsEntry::dx)),
          r10(number(message, UserX86RegsEntry::r10)), call(number(message, UserX86RegsEntry::orig_ax)),
          ip(number(message, UserX86RegsEntry::ip)), mode(number(message, UserX86RegsEntry::mode)) {}

    // The call that is to begin anew; nothing where there is none.
    [[nodiscard]] std::optional<std::uint64_t> broken_off() const {
        // user_x86_regs_mode of core-x86.proto.
        constexpr std::uint64_t k_compat = 2;
        constexpr std::uint64_t k_restart_syscall = 219;
        if (mode == k_compat || ax != static_cast<std::uint64_t>(-EINTR))
            return std::nullopt;
        if (call == k_restart_syscall)
            return resumed_call();
        if ((call == k_futex && !waits_on_futex()) || std::ranges::count(k_waiting_calls, call) == 0)
            return std::nullopt;
        return call;
    }

    static std::uint64_t number(std::string_view message, UserX86RegsEntry field) {
        return number_in(fields_of<UserX86RegsEntry>(message), field, 0);
    }

    std::uint64_t ax;
    std::uint64_t di;
    std::uint64_t si;
    std::uint64_t dx;
    std::uint64_t r10;
    std::uint64_t call;
    std::uint64_t ip;
    std::uint64_t mode;

  private:
    // Which call the kernel had resumed (restart_syscall(2)): one that was stopped amid its wait before, by SIGSTOP or
    // a tracer. Four calls have restart blocks; the arguments are there still, and tell which it is. What could be two
    // of them is left as it is.
    [[nodiscard]] std::optional<std::uint64_t> resumed_call() const {
        constexpr std::uint64_t k_poll = 7;
        constexpr std::uint64_t k_nanosleep = 35;
        constexpr std::uint64_t k_clock_nanosleep = 230;
        constexpr std::uint64_t k_last_clock = 11;
        constexpr std::uint64_t k_most_descriptors = 1 << 20;
        // A clock, no flags, the length, and where the rest is written.
        if (di <= k_last_clock && si == 0 && may_be_address(dx) && (r10 == 0 || may_be_address(r10)))
            return k_clock_nanosleep;
        // Nobody has so many descriptors.
        if (may_be_address(di) && may_be_address(si))
            return k_nanosleep;
        const bool is_length_of_poll = dx <= std::uint64_t{INT32_MAX};
        if (di == 0 && si == 0 && is_length_of_poll)
            return k_poll;
        // FUTEX_PRIVATE_FLAG: by pthread_cond_timedwait(3) and the like; nobody polls just as many descriptors.
        constexpr std::uint64_t k_private = 128;
        if (may_be_address(di) && waits_on_futex() && (si & k_private) != 0 && may_be_address(r10))
            return k_futex;
        if (may_be_address(di) && si > 0 && si < k_most_descriptors && !waits_on_futex() && is_length_of_poll)
            return k_poll;
        return std::nullopt;
    }

    // FUTEX_WAIT and FUTEX_WAIT_BITSET (linux/futex.h), without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME.
    [[nodiscard]] bool waits_on_futex() const {
        const std::uint64_t operation = si & 0x7f;
        return (operation == 0 || operation == 9) && si < 2 * k_realtime;
    }

    // FUTEX_CLOCK_REALTIME.
    static constexpr std::uint64_t k_realtime = 256;
};

// The instruction before, `syscall`, has two bytes; CRIU steps back over it for other calls as well
// (compel_get_task_regs() in compel/arch/x86/src/lib/infect.c).
std::optional<std::string> with_call_repeated(std::string_view message) {
    const Registers registers(message);
    const auto call = registers.broken_off();
    if (!call)
        return std::nullopt;
    return changed_message<UserX86RegsEntry>(message, [&](protozero::pbf_message<UserX86RegsEntry> field, auto& out) {
        if (field.tag() == UserX86RegsEntry::ax)
            out.add_uint64(UserX86RegsEntry::ax, *call);
        else if (field.tag() == UserX86RegsEntry::ip)
            out.add_uint64(UserX86RegsEntry::ip, registers.ip - 2);
        else
            return false;
        return true;
    });
}

protozero::pbf_message<CoreEntry> core_of(std::string_view image) {
    return fields_of<CoreEntry>(ImageReader(image, ImageKind::core).next());
}

// criu/cr-dump.c, encode_rlim().
constexpr std::uint64_t k_none = ~std::uint64_t{0};

bool is_none(std::string_view limit) {
    return number_in(fields_of<RlimitEntry>(limit), RlimitEntry::cur, k_none) == k_none;
}

std::optional<std::string> without_limit(std::string_view limit) {
    if (is_none(limit))
        return std::nullopt;
    return changed_message<RlimitEntry>(limit, [](const auto& field, auto& out) {
        out.add_uint64(field.tag(), k_none);
        return true;
    });
}

bool limits_files(std::string_view limits) {
    int next = 0;
    for (auto one = fields_of<TaskRlimitsEntry>(limits); one.next(TaskRlimitsEntry::rlimits);)
        if (const std::string_view limit = bytes_of(one); next++ == RLIMIT_FSIZE)
            return !is_none(limit);
    return false;
}

// A first thread's mask is that of its process (open_cores() and the like in criu/cr-restore.c).
std::uint64_t blocked_by(protozero::pbf_message<CoreEntry> core) {
    const auto thread = fields_of<ThreadCoreEntry>(bytes_in(core, CoreEntry::thread_core));
    const std::string_view task = bytes_in(core, CoreEntry::tc);
    if (task.empty())
        return number_in(thread, ThreadCoreEntry::blk_sigset, 0);
    return number_in(fields_of<TaskCoreEntry>(task), TaskCoreEntry::blk_sigset, 0);
}

} // namespace

// CRIU is the parent of a root that it restores, and ends: the kernel then sends what was asked for by
// PR_SET_PDEATHSIG, to each thread (reparent_leader() in kernel/exit.c; maybe_clone_parent() in criu/cr-restore.c).
MendedImage without_parent_death_signal(std::string_view core) {
    return parse_image([&] {
        return changed_image(core, ImageKind::core, [](auto entry) {
            return changed_within(entry, CoreEntry::thread_core, [](auto thread) -> std::optional<std::string> {
                if (number_in(fields_of<ThreadCoreEntry>(thread), ThreadCoreEntry::pdeath_sig, 0) == 0)
                    return std::nullopt;
                return changed_message<ThreadCoreEntry>(
                    thread, [](const auto& field, auto&) { return field.tag() == ThreadCoreEntry::pdeath_sig; });
            });
        });
    });
}

std::uint64_t signals_of_process(std::string_view core) {
    return parse_image([&] {
        const auto task = fields_of<TaskCoreEntry>(bytes_in(core_of(core), CoreEntry::tc));
        return signals_in(bytes_in(task, TaskCoreEntry::signals_s));
    });
}

// The dump interrupts a thread, which for the kernel is a signal without a handler: the call would go on by its restart
// block, or begin anew. CRIU cannot put a restart block back, and writes EINTR (compel_get_task_regs()).
MendedImage with_call_begun_anew(std::string_view core, std::uint64_t of_process) {
    return parse_image([&]() -> MendedImage {
        const auto entry = core_of(core);
        const auto thread = fields_of<ThreadCoreEntry>(bytes_in(entry, CoreEntry::thread_core));
        const std::uint64_t waiting = of_process | signals_in(bytes_in(thread, ThreadCoreEntry::signals_p));
        if ((waiting & ~blocked_by(entry)) != 0)
            return std::nullopt;
        return changed_image(core, ImageKind::core, [](auto one) {
            return changed_within(one, CoreEntry::thread_info, [](auto info) {
                return changed_within(info, ThreadInfoX86::gpregs, with_call_repeated);
            });
        });
    });
}

// CRIU sets the limits before it has done. Signals that wait, of more than a process may have by now, are refused then
// (criu/pie/restorer.c, restore_rlims and restore_signals); and what the process itself writes into CRIU's log, if that
// is larger than it may make a file, ends it by SIGXFSZ as soon as it runs.
MendedImage with_limits_raised(std::string_view core) {
    return parse_image([&] {
        return changed_image(core, ImageKind::core, [](auto entry) {
            return changed_within(entry, CoreEntry::tc, [](auto task) {
                return changed_within(task, TaskCoreEntry::rlimits, [](auto limits) {
                    int next = 0;
                    return changed_within(
                        limits, TaskRlimitsEntry::rlimits, [&](auto limit) -> std::optional<std::string> {
                            const int resource = next++;
                            return resource == RLIMIT_FSIZE || resource == RLIMIT_SIGPENDING ? without_limit(limit)
                                                                                             : std::nullopt;
                        });
                });
            });
        });
    });
}

bool needs_limits_raised(std::string_view core) {
    return parse_image([&] {
        const auto thread = fields_of<ThreadCoreEntry>(bytes_in(core_of(core), CoreEntry::thread_core));
        const auto task = fields_of<TaskCoreEntry>(bytes_in(core_of(core), CoreEntry::tc));
        const std::uint64_t waiting = signals_in(bytes_in(thread, ThreadCoreEntry::signals_p)) |
                                      signals_in(bytes_in(task, TaskCoreEntry::signals_s));
        auto timers = fields_of<TaskTimersEntry>(bytes_in(task, TaskCoreEntry::timers));
        if (waiting != 0 || timers.next(TaskTimersEntry::posix))
            return true;
        return limits_files(bytes_in(task, TaskCoreEntry::rlimits));
    });
}

TreeThreads parse_tree_threads(std::string_view pstree) {
    return parse_image([&] {
        TreeThreads tree;
        for (ImageReader messages(pstree, ImageKind::pstree); !messages.at_end();) {
            const auto item = fields_of<PstreeEntry>(messages.next());
            const auto process = static_cast<pid_t>(number_in(item, PstreeEntry::pid, 0));
            if (number_in(item, PstreeEntry::ppid, 0) == 0)
                tree.root = process;
            tree.groups.insert(static_cast<pid_t>(number_in(item, PstreeEntry::pgid, 0)));
            for (auto thread = item; thread.next(PstreeEntry::threads);)
                tree.process_of.emplace(static_cast<pid_t>(number_of(thread)), process);
        }
        return tree;
    });
}

} // namespace cedana::criu
