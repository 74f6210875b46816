// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"
#include "cedana/criu/image_mends.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

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
constexpr std::array<std::uint64_t, 27> k_waiting_calls = {
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
    281, // epoll_pwait
    288, // accept4
    333, // io_pgetevents
    441, // epoll_pwait2
};

struct Registers {
    explicit Registers(std::string_view message)
        : ax(number(message, UserX86RegsEntry::ax)), si(number(message, UserX86RegsEntry::si)),
          call(number(message, UserX86RegsEntry::orig_ax)), ip(number(message, UserX86RegsEntry::ip)),
          mode(number(message, UserX86RegsEntry::mode)) {}

    [[nodiscard]] bool was_waiting() const {
        // user_x86_regs_mode of core-x86.proto.
        constexpr std::uint64_t k_compat = 2;
        if (mode == k_compat || ax != static_cast<std::uint64_t>(-EINTR))
            return false;
        if (call == k_futex && !waits_on_futex())
            return false;
        return std::ranges::count(k_waiting_calls, call) != 0;
    }

    static std::uint64_t number(std::string_view message, UserX86RegsEntry field) {
        return number_in(fields_of<UserX86RegsEntry>(message), field, 0);
    }

    std::uint64_t ax;
    std::uint64_t si;
    std::uint64_t call;
    std::uint64_t ip;
    std::uint64_t mode;

  private:
    // FUTEX_WAIT and FUTEX_WAIT_BITSET (linux/futex.h), without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME.
    [[nodiscard]] bool waits_on_futex() const {
        const std::uint64_t operation = si & 0x7f;
        return operation == 0 || operation == 9;
    }
};

// The instruction before, `syscall`, has two bytes; CRIU steps back over it for other calls as well
// (compel_get_task_regs() in compel/arch/x86/src/lib/infect.c).
std::optional<std::string> with_call_repeated(std::string_view message) {
    const Registers registers(message);
    if (!registers.was_waiting())
        return std::nullopt;
    return changed_message<UserX86RegsEntry>(message, [&](protozero::pbf_message<UserX86RegsEntry> field, auto& out) {
        if (field.tag() == UserX86RegsEntry::ax)
            out.add_uint64(UserX86RegsEntry::ax, registers.call);
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

TreeThreads parse_tree_threads(std::string_view pstree) {
    return parse_image([&] {
        TreeThreads tree;
        for (ImageReader messages(pstree, ImageKind::pstree); !messages.at_end();) {
            const auto item = fields_of<PstreeEntry>(messages.next());
            const auto process = static_cast<pid_t>(number_in(item, PstreeEntry::pid, 0));
            if (number_in(item, PstreeEntry::ppid, 0) == 0)
                tree.root = process;
            for (auto thread = item; thread.next(PstreeEntry::threads);)
                tree.process_of.emplace(static_cast<pid_t>(number_of(thread)), process);
        }
        return tree;
    });
}

} // namespace cedana::criu
