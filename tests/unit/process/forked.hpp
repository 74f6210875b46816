// SPDX-License-Identifier: Apache-2.0
// A real child that is brought into a state and stays there.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <cerrno>
#include <csignal>
#include <functional>

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cedana::testing {

inline void stay() {
    while (true)
        ::pause();
}

constexpr int k_not_set_up = 99;

// In such a child: ends it where a call that brings it into the state has failed; the test then fails too.
inline void must(bool done) {
    if (!done)
        ::_exit(k_not_set_up);
}

// In such a child: one of its own, which does the work, stays, and ends with it. Its pid.
inline pid_t fork_that_stays(const std::function<void()>& work = [] {}) {
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid != 0)
        return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // It may have been killed before; one of another pid namespace is 0 here.
    if (const pid_t now = ::getppid(); now != parent && now != 0)
        ::_exit(0);
    work();
    stay();
    return 0;
}

// For a child: the descriptor stays open until the child is killed.
inline int keep(int fd) { return fd; }

class Forked {
  public:
    // Returns once `set_up` has run in the child, which then runs `then` and ends. Killed and reaped on destruction.
    explicit Forked(
        const std::function<void()>& set_up = [] {}, const std::function<void()>& then = stay)
        : ready_(make_pipe()), pid_(::fork()) {
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            set_up();
            [[maybe_unused]] const ssize_t sent = ::write(ready_.write_end.get(), "r", 1);
            then();
            ::_exit(0);
        }
        ready_.write_end.reset();
        char byte = 0;
        [[maybe_unused]] const ssize_t received = ::read(ready_.read_end.get(), &byte, 1);
    }
    Forked(const Forked&) = delete;
    Forked& operator=(const Forked&) = delete;
    ~Forked() {
        if (pid_ > 0)
            kill_and_reap();
    }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    void kill_and_reap() {
        ::kill(pid_, SIGKILL);
        int status = 0;
        ::waitpid(pid_, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == k_not_set_up)
            ADD_FAILURE() << "a child could not be brought into its state";
        pid_ = -1;
    }
    // Waits until it is a zombie, and leaves it one.
    void kill_only() const {
        ::kill(pid_, SIGKILL);
        wait_until_ended();
    }
    void wait_until_ended() const {
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
    }

  private:
    Pipe ready_;
    pid_t pid_;
};

} // namespace cedana::testing
