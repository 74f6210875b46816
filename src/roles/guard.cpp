// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/guard.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/criu/action_script.hpp"
#include "cedana/criu/adopted.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/criu/guard_words.hpp"
#include "cedana/criu/restore.hpp"
#include "cedana/roles/plans.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <span>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

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

// The one that is carried along starts in a tenth of the time that cedana takes. It enters no namespaces. None where
// the host allows no program in memory.
UniqueFd program_for(const SpawnRequest& criu, const std::string& root) {
    if (!root.empty() || !criu.enter.empty() || criu.argv.at(0).find('/') == std::string::npos)
        return {};
    try {
        return criu::action_program(criu::k_name_of_guard);
    } catch (const Error& error) {
        spdlog::debug("{}", error.message());
        return {};
    }
}

ChildProcess start_by_program(const UniqueFd& program, const SpawnRequest& criu, const std::filesystem::path& log,
                              int held, KeyStops stops) {
    const std::string path = log.parent_path() / criu::k_name_of_guard;
    if (::symlink(fmt::format("/proc/{}/fd/{}", ::getpid(), program.get()).c_str(), path.c_str()) != 0)
        throw OsFailure(Fault::storage).error("cannot prepare {}", path);
    SpawnRequest request{.argv = {path, criu::k_guarding, log.string()},
                         .fds = criu.fds,
                         .cwd = criu.cwd,
                         .env = criu.env ? *criu.env : criu::clean_environment(),
                         .session = criu.session};
    request.argv.push_back(std::to_string(pass(request, held)));
    request.argv.emplace_back(stops == KeyStops::continued ? criu::k_continues : criu::k_leaves);
    request.argv.insert(request.argv.end(), criu.argv.begin(), criu.argv.end());
    return ChildProcess::spawn(std::move(request));
}

} // namespace

ChildProcess start_guarded(const SpawnRequest& criu, const std::filesystem::path& log, int held,
                           const std::string& root, KeyStops stops) {
    if (const UniqueFd program = program_for(criu, root))
        return start_by_program(program, criu, log, held, stops);
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
