// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/guard.hpp"

#include "cedana/base/signals.hpp"
#include "cedana/criu/adopted.hpp"
#include "cedana/criu/restore.hpp"
#include "cedana/roles/plans.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <span>

#include <nlohmann/json.hpp>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace cedana::roles {

namespace {

constexpr const char* k_guard = "guard";

ExitStatus wait_for_end(ChildProcess criu, const UniqueFd& signals) {
    std::array<pollfd, 2> set = {{{.fd = criu.pidfd().get(), .events = POLLIN, .revents = 0},
                                  {.fd = signals.get(), .events = POLLIN, .revents = 0}}};
    while (set[0].revents == 0) {
        if (::poll(set.data(), set.size(), -1) < 0 && errno != EINTR)
            break;
        signalfd_siginfo info{};
        while (::read(signals.get(), &info, sizeof info) == sizeof info) {
            if (info.ssi_signo == SIGTERM)
                criu.signal(SIGKILL);
            else
                // The key has stopped all of the group, what CRIU has begun too.
                ::kill(0, SIGCONT);
        }
    }
    return criu.wait();
}

int run_guard(const nlohmann::json& json) {
    const auto plan = json.get<GuardPlan>();
    const UniqueFd held(plan.held);
    // What is blocked is kept, though it is ignored (kernel/signal.c, sig_ignored).
    const std::array watched = {SIGTERM, SIGTSTP};
    const UniqueFd signals = watch_signals(std::span(watched).first(plan.continues ? 2 : 1));
    const ExitStatus ended = wait_for_end(start_passed(plan.criu), signals);
    end_unfinished(ended, plan.log);
    return ended.shell_code();
}

} // namespace

ChildProcess start_guarded(const SpawnRequest& criu, const std::filesystem::path& log, int held,
                           const std::string& root, KeyStops stops) {
    SpawnRequest role{.argv = {}, .fds = {{fd_at(criu, STDERR_FILENO), STDERR_FILENO}}, .session = criu.session};
    const GuardPlan plan{.criu = pass_command(role, criu, root),
                         .log = log.string(),
                         .held = pass(role, held),
                         .continues = stops == KeyStops::continued};
    return start_role(k_guard, plan, std::move(role));
}

// The signals of the terminal reach CRIU as well, which fails by them; the guard is needed then.
Role guard() {
    return {.name = k_guard,
            .ignored_signals = {SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE},
            .orphans = Orphans::adopted,
            .run = run_guard};
}

void end_unfinished(const ExitStatus& criu, const std::filesystem::path& log) {
    if (!criu.success() && !criu::was_restored(log))
        criu::kill_children();
}

} // namespace cedana::roles
