// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/foreground.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/roles/copier.hpp"

#include <array>
#include <cerrno>
#include <csignal>

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cedana {

namespace {

// Beside SIGINT, SIGTERM and SIGHUP, which are blocked in main; not SIGTSTP: the program's own stop is followed.
constexpr std::array<int, 9> k_taken = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP, SIGCHLD};

// More than a copier takes itself.
constexpr auto k_copier_limit = roles::k_drain_limit + std::chrono::seconds(1);

bool is_passed_on(int number) { return number != SIGCHLD && number != SIGTSTP; }

class Company {
  public:
    Company(const Accompanied& who, const PassedSignals& signals, const std::optional<OwnTerminal>& terminal)
        : who_(who), signals_(signals), terminal_(terminal), root_(open_pidfd(who.root)) {}

    int run() {
        // What happened to the child before its signals were looked at.
        look_at_child();
        while (!code_) {
            std::array<pollfd, 3> set = {
                {{signals_.fd(), POLLIN, 0}, {who_.outcome.get(), POLLIN, 0}, {stops_, POLLIN, 0}}};
            if (::poll(set.data(), set.size(), -1) < 0 && errno != EINTR)
                throw OsFailure().error("cannot poll");
            if (set[0].revents != 0)
                take_signals();
            if (set[1].revents != 0)
                listen();
            if (set[2].revents != 0)
                take_stop();
        }
        if (terminal_)
            terminal_->end_loan();
        await_last_output();
        return *code_;
    }

  private:
    void take_signals() {
        signalfd_siginfo info{};
        while (::read(signals_.fd(), &info, sizeof info) == sizeof info) {
            const int number = static_cast<int>(info.ssi_signo);
            if (number == SIGCHLD)
                look_at_child();
            // What a key of the terminal sends, the program has got itself if it is of this group.
            else if (is_passed_on(number) && root_ &&
                     !(info.ssi_code == SI_KERNEL && ::getpgid(who_.root) == ::getpgrp()))
                send_signal(*root_, number);
        }
    }

    void look_at_child() {
        siginfo_t info{};
        while (who_.child > 0 && !code_ &&
               ::waitid(P_PID, static_cast<id_t>(who_.child), &info, WEXITED | WSTOPPED | WNOHANG) == 0 &&
               info.si_pid != 0) {
            if (info.si_code == CLD_EXITED)
                code_ = info.si_status;
            else if (info.si_code == CLD_STOPPED)
                stop_as_well();
            else
                code_ = 128 + info.si_status;
            info = {};
        }
    }

    void take_stop() {
        char any = 0;
        if (::read(stops_, &any, 1) == 1)
            stop_as_well();
        else
            stops_ = -1;
    }

    // The shell sees its job stopped, takes the terminal and gives its prompt; its fg or bg continues this command.
    void stop_as_well() const {
        const pid_t group = ::getpgid(who_.root);
        if (!terminal_ || group <= 1)
            return;
        // The leader of a session has no shell that would continue it.
        if (::getsid(0) != ::getpid()) {
            terminal_->end_loan();
            ::kill(0, SIGSTOP);
        }
        if (terminal_->is_ours())
            terminal_->lend_to(group);
        ::kill(-group, SIGCONT);
    }

    void listen() {
        unsigned char code = 0;
        if (::read(who_.outcome.get(), &code, 1) != 1)
            throw Error(Fault::internal, "the process that holds the restored terminal has ended");
        code_ = code;
    }

    // Waits so that whoever reads the output after this command finds all of it. A copier that hangs is left behind.
    void await_last_output() const {
        const char question = 0;
        if (!who_.copier || ::send(who_.copier.get(), &question, 1, MSG_NOSIGNAL) != 1)
            return;
        pollfd answer{.fd = who_.copier.get(), .events = POLLIN, .revents = 0};
        ::poll(&answer, 1, static_cast<int>(k_copier_limit.count()));
    }

    const Accompanied& who_;
    const PassedSignals& signals_;
    const std::optional<OwnTerminal>& terminal_;
    // -1: nobody tells of stops any more.
    int stops_ = who_.stops.get();
    std::optional<UniqueFd> root_;
    std::optional<int> code_;
};

} // namespace

PassedSignals::PassedSignals() : events_(watch_signals(k_taken)) {}

int accompany(const Accompanied& who, const PassedSignals& signals, const std::optional<OwnTerminal>& terminal) {
    return Company(who, signals, terminal).run();
}

} // namespace cedana
