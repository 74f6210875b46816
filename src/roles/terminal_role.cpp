// SPDX-License-Identifier: Apache-2.0
// What is done in the role.
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/criu/restore.hpp"
#include "cedana/roles/guard.hpp"
#include "cedana/roles/own_root.hpp"
#include "cedana/roles/plans.hpp"
#include "cedana/roles/relays.hpp"
#include "cedana/roles/terminal.hpp"
#include "cedana/roles/tree_pids.hpp"

#include <array>
#include <csignal>
#include <utility>

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cedana::roles {

namespace {

class TerminalHolder {
  public:
    explicit TerminalHolder(const TerminalPlan& plan)
        : plan_(plan), outcome_(plan.outcome), held_(plan.held), tree_(plan.tree), traffic_(plan.copies, plan.feeds) {}

    // On the new terminal; CRIU's exit code. Nothing of a failed restore is left then.
    int run_criu() {
        events_ = watch_signals(std::array{SIGCHLD});
        slave_ = UniqueFd(::ioctl(plan_.master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
        if (!slave_ || ::ioctl(slave_.get(), TIOCSCTTY, 0) != 0)
            throw OsFailure(Fault::environment).error("cannot take the new terminal");
        // A terminal makes the "\r" that it needs of each "\n" itself, but not while sudo passes its bytes on.
        if (plan_.output_is_terminal)
            traffic_.add(
                Relay(UniqueFd(plan_.master), UniqueFd(plan_.output), LineEnds::as_they_are, TargetEnd::drops));
        else
            traffic_.add(Relay(UniqueFd(plan_.master), UniqueFd(plan_.output), LineEnds::of_terminal));
        ChildProcess criu = start_criu();
        while (!turn(criu.pidfd().get())) {}
        const ExitStatus ended = criu.wait();
        end_unfinished(ended, plan_.log);
        return ended.shell_code();
    }

    void tell(int code) const {
        const auto byte = static_cast<unsigned char>(code);
        [[maybe_unused]] const ssize_t count = ::write(outcome_.get(), &byte, 1);
    }

    // Comes before the outcome says that CRIU ended well: whoever reads that removes the file, and if this process
    // failed afterwards, the terminal of the tree would go, and the tree with it. Another cedana may find the folder
    // abandoned only after this.
    void take_over() {
        pids_ = tree_ ? read_pids(tree_.get()) : TreePids{};
        if (!tree_)
            pids_.root = pids_.child = criu::restored_pid(plan_.pid_file);
        tree_.reset();
        close_log();
        for (const int number : endings())
            std::signal(number, SIG_IGN);
        held_.reset();
    }

    void tell_of_tree() const { write_pids(outcome_.get(), {.root = pids_.root, .child = 0}); }

    void keep() {
        reap();
        while (slave_ || !traffic_.empty())
            if (turn(events_.get()))
                reap();
    }

  private:
    [[nodiscard]] ChildProcess start_criu() const {
        SpawnRequest request = passed_command(plan_.criu);
        request.fds.emplace_back(slave_.get(), STDIN_FILENO);
        const OwnRoot root(plan_.criu.root);
        ChildProcess criu = ChildProcess::spawn(std::move(request));
        close_passed(plan_.criu);
        return criu;
    }

    // Waits until there is something to copy or `event` can be read, and copies.
    bool turn(int event) {
        // POLLERR on the outcome says that the restore does not listen any more.
        std::array<pollfd, 2> others = {
            {{.fd = event, .events = POLLIN, .revents = 0}, {.fd = outcome_.get(), .events = 0, .revents = 0}}};
        traffic_.turn(others);
        if (others[1].revents != 0)
            outcome_.reset();
        return others[0].revents != 0;
    }

    // The tree has gone when no child is left. This process holds the slave until then, since a program may close its
    // terminal and open it again.
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
            if (ended.si_pid == pids_.child) {
                traffic_.drain(k_drain_limit);
                tell(ended.si_code == CLD_EXITED ? ended.si_status : 128 + ended.si_status);
            }
        }
        slave_.reset();
    }

    const TerminalPlan& plan_;
    UniqueFd outcome_;
    UniqueFd held_;
    UniqueFd tree_;
    UniqueFd events_;
    UniqueFd slave_;
    TreePids pids_ = {};
    Traffic traffic_;
};

int run(const nlohmann::json& json) {
    const auto plan = json.get<TerminalPlan>();
    TerminalHolder holder(plan);
    const int code = holder.run_criu();
    if (code == 0)
        holder.take_over();
    holder.tell(code);
    if (code != 0)
        return k_role_failed;
    holder.tell_of_tree();
    holder.keep();
    return 0;
}

} // namespace

// It does not ignore SIGTERM before CRIU has ended: a failing restore ends it by that.
Role terminal() {
    return {.name = "terminal", .ignored_signals = ignored_by_copiers(), .orphans = Orphans::adopted, .run = run};
}

} // namespace cedana::roles
