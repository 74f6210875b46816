// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/identity.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/process/procfs.hpp"

#include <cerrno>

#include <spdlog/fmt/fmt.h>

#include <sys/syscall.h>
#include <unistd.h>

namespace cedana {

namespace {

Error no_such_process(pid_t pid) {
    return Error(Fault::no_process, fmt::format("no process has pid {}", pid))
        .hint("list what runs with: ps -e, or give a name");
}

// A thread id has a folder in /proc as a pid has, but no pidfd.
void refuse_thread(const Procfs& procfs, pid_t pid) {
    const auto status = procfs.status(pid);
    if (status && status->thread_group != 0 && status->thread_group != pid)
        throw Error(Fault::no_process, fmt::format("{} is a thread of process {}", pid, status->thread_group))
            .hint(fmt::format("give the pid of the process: -p {}", status->thread_group));
}

} // namespace

ProcessHandle ProcessHandle::open(const Procfs& procfs, pid_t pid) {
    refuse_thread(procfs, pid);
    auto pidfd = pid > 0 ? open_pidfd(pid) : std::nullopt;
    if (!pidfd)
        throw no_such_process(pid);
    const auto stat = procfs.stat(pid);
    if (!stat)
        throw no_such_process(pid);
    ProcessHandle handle({.pid = pid, .start_time = stat->start_time}, std::move(*pidfd));
    // While the process behind the pidfd is there nobody else can have its pid: only now is it certain that
    // the start time is that of the same process.
    if (!handle.present())
        throw no_such_process(pid);
    return handle;
}

ProcessHandle ProcessHandle::open(const Procfs& procfs, ProcessId id) {
    ProcessHandle handle = open(procfs, id.pid);
    if (handle.id() != id)
        throw Error(Fault::no_process, fmt::format("process {} has ended and another one has its pid now", id.pid));
    return handle;
}

bool ProcessHandle::alive() const { return !ends_within(pidfd_, std::chrono::milliseconds(0)); }

bool ProcessHandle::present() const {
    // Signal 0 sends nothing; EPERM, too, says that it is there.
    return ::syscall(SYS_pidfd_send_signal, pidfd_.get(), 0, nullptr, 0) == 0 || errno == EPERM;
}

bool ProcessHandle::send(int signal) const { return send_signal(pidfd_, signal); }

} // namespace cedana
