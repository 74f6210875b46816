// SPDX-License-Identifier: Apache-2.0
// Waits until a pid is free, and leaves a process under it that leads a session, has no file open and sleeps until it
// is killed. Ends once that is there. Usage: at_pid PID
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>

#include <linux/sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr int k_tries = 30000;

void pause_for_a_millisecond() {
    const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
    ::nanosleep(&pause, nullptr);
}

[[noreturn]] void sleep_on() {
    ::syscall(SYS_close_range, 0U, ~0U, 0U);
    static_cast<void>(::setsid());
    while (true)
        ::pause();
}

// As fork(2), with this pid for the child (clone3(2), set_tid).
long clone_as(pid_t wanted) {
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    arguments.set_tid = reinterpret_cast<std::uintptr_t>(&wanted);
    arguments.set_tid_size = 1;
    return ::syscall(SYS_clone3, &arguments, sizeof arguments);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2)
        return 2;
    const pid_t wanted = std::atoi(argv[1]);
    for (int tries = 0; tries < k_tries; ++tries) {
        const long pid = clone_as(wanted);
        if (pid == 0)
            sleep_on();
        if (pid < 0 && errno != EEXIST)
            return 3;
        if (pid > 0) {
            while (::getsid(wanted) != wanted)
                pause_for_a_millisecond();
            return 0;
        }
        pause_for_a_millisecond();
    }
    return 4;
}
