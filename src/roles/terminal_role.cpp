// SPDX-License-Identifier: Apache-2.0
// The keeper's side: what main() does in that role.
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/roles/guard.hpp"
#include "cedana/roles/relays.hpp"
#include "cedana/roles/terminal.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

constexpr int k_failed = 1;

void require(bool done, const char* what) {
    if (done)
        return;
    const int err = errno;
    throw os_error(err, what, Fault::environment);
}

// A full disk must be an error where it happens too (SIGXFSZ).
void ignore_signals() {
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE, SIGXFSZ})
        std::signal(number, SIG_IGN);
}

// Those by which somebody ends a whole service or group: the tree ends by them in its own time, which it would not if
// its terminal hung up or nobody read from it. Not before CRIU has ended: a failing restore ends its keeper by SIGTERM.
void ignore_endings() {
    for (const int number : {SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO})
        std::signal(number, SIG_IGN);
}

class Keeper {
  public:
    explicit Keeper(const KeeperPlan& plan)
        : plan_(plan), asked_(plan.asked), told_(plan.told), held_(plan.held), copies_(plan.copies),
          feeds_(plan.feeds) {}

    // On the new terminal; CRIU's exit code. Nothing of a failed restore is left then.
    int run_criu(std::vector<std::string> argv) {
        require(::prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL) == 0, "cannot become a subreaper");
        events_ = watch_signals(std::array{SIGCHLD});
        slave_ = UniqueFd(::ioctl(plan_.master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
        require(slave_ && ::ioctl(slave_.get(), TIOCSCTTY, 0) == 0, "cannot take the new terminal");
        copies_.add(Relay(UniqueFd(plan_.master), UniqueFd(plan_.output), LineEnds::of_terminal));
        ChildProcess criu = start(std::move(argv));
        while (!turn(criu.pidfd().get())) {}
        const ExitStatus ended = criu.wait();
        end_unfinished(ended, k_restore_log);
        return ended.shell_code();
    }

    void tell(int code) const {
        const auto byte = static_cast<unsigned char>(code);
        [[maybe_unused]] const ssize_t count = ::write(told_.get(), &byte, 1);
    }

    // Nothing of the command that ended stays open, and no folder in use.
    static void let_go() {
        const UniqueFd null = open_file("/dev/null", O_RDWR);
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
            ::dup2(null.get(), fd);
        require(::chdir("/") == 0, "cannot leave the folder");
        ignore_endings();
    }

    // Before it is told that CRIU ended well: who is told so removes the file, and with a keeper that fails afterwards
    // the terminal of the tree would go, and so the tree. Only then may another cedana find the folder abandoned.
    void take_over() {
        std::int64_t root = 0;
        if (!parse_number(trim(read_file(plan_.root_file)), root))
            throw Error(Fault::internal, "criu did not say which pid it restored");
        root_ = static_cast<pid_t>(root);
        let_go();
        held_.reset();
    }

    void keep() {
        reap();
        while (slave_ || !copies_.empty() || !feeds_.empty())
            if (turn(events_.get()))
                reap();
    }

  private:
    ChildProcess start(std::vector<std::string> argv) const {
        SpawnRequest request{.argv = std::move(argv), .fds = {{slave_.get(), 0}, {1, 1}, {2, 2}}};
        const std::vector<int> passed = inherited_numbers(request.argv);
        for (const int number : passed)
            request.fds.emplace_back(number, number);
        if (held_)
            request.fds.emplace_back(held_.get(), held_.get());
        ChildProcess criu = ChildProcess::spawn(request);
        for (const int number : passed)
            ::close(number);
        return criu;
    }

    // Waits until there is something to copy or `event` can be read, and copies.
    bool turn(int event) {
        // Of `told`: that the restore does not listen any more (POLLERR).
        std::vector<pollfd> set = {{.fd = event, .events = POLLIN, .revents = 0},
                                   {.fd = told_.get(), .events = 0, .revents = 0},
                                   {.fd = asked_.get(), .events = POLLIN, .revents = 0}};
        const std::size_t first = set.size();
        copies_.append_to(set);
        feeds_.append_to(set);
        if (::poll(set.data(), set.size(), -1) < 0) {
            require(errno == EINTR, "cannot poll");
            return false;
        }
        feeds_.serve(copies_.serve(set.data() + first));
        if (set[1].revents != 0)
            told_.reset();
        if (set[2].revents != 0)
            answer();
        return set[0].revents != 0;
    }

    void answer() {
        char question = 0;
        if (::read(asked_.get(), &question, 1) != 1)
            return asked_.reset();
        copies_.drain(k_drain_limit);
        [[maybe_unused]] const ssize_t count = ::write(asked_.get(), &question, 1);
    }

    // Without a child left the tree has gone. Until then the slave is held, since a program may close its terminal and
    // open it again.
    void reap() {
        if (!slave_)
            return;
        signalfd_siginfo event{};
        while (::read(events_.get(), &event, sizeof event) > 0) {}
        while (true) {
            siginfo_t ended{};
            if (::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG) != 0)
                break;
            if (ended.si_pid == 0)
                return;
            if (ended.si_pid == root_) {
                copies_.drain(k_drain_limit);
                tell(ended.si_code == CLD_EXITED ? ended.si_status : 128 + ended.si_status);
            }
        }
        slave_.reset();
    }

    const KeeperPlan& plan_;
    // Absent in the keeper of a terminal.
    UniqueFd asked_;
    // Absent in a copier, as the next three.
    UniqueFd told_;
    UniqueFd held_;
    UniqueFd events_;
    UniqueFd slave_;
    pid_t root_ = -1;
    Relays copies_;
    Relays feeds_;
};

int work(const KeeperPlan& plan, char** argv) {
    ::prctl(PR_SET_NAME, "cedana-keeper");
    ignore_signals();
    Keeper keeper(plan);
    if (plan.master >= 0) {
        std::vector<std::string> inner;
        for (char** word = argv + 1; *word != nullptr; ++word)
            inner.emplace_back(*word);
        const int code = keeper.run_criu(std::move(inner));
        if (code == 0)
            keeper.take_over();
        keeper.tell(code);
        if (code != 0)
            return k_failed;
    } else {
        Keeper::let_go();
    }
    keeper.keep();
    return 0;
}

} // namespace

int run_keeper(char** argv) {
    try {
        const KeeperPlan plan = read_plan(std::getenv(k_keeper));
        ::unsetenv(k_keeper);
        return work(plan, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "Error: %s\n", error.what());
        return k_failed;
    }
}

} // namespace cedana::criu
