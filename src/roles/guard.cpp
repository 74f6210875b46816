// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/guard.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/adopted.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/roles/restore.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

constexpr int k_failed = 1;

// Those of the terminal reach CRIU as well, which fails by them; the guard is needed then.
void ignore_signals() {
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE})
        std::signal(number, SIG_IGN);
}

ExitStatus end_of(ChildProcess criu, const UniqueFd& ends_asked_for) {
    std::array<pollfd, 2> set = {{{.fd = criu.pidfd().get(), .events = POLLIN, .revents = 0},
                                  {.fd = ends_asked_for.get(), .events = POLLIN, .revents = 0}}};
    while (::poll(set.data(), set.size(), -1) < 0 && errno == EINTR) {}
    if (set[1].revents != 0)
        criu.signal(SIGKILL);
    return criu.wait();
}

int take_held() {
    std::int64_t number = -1;
    if (!parse_number(std::getenv(k_restore_guard), number))
        throw Error(Fault::internal, fmt::format("{} is no number", k_restore_guard));
    ::unsetenv(k_restore_guard);
    return static_cast<int>(number);
}

ChildProcess start_criu(char** argv, int held) {
    SpawnRequest request{.argv = {}, .fds = {{0, 0}, {1, 1}, {2, 2}}};
    for (char** word = argv + 1; *word != nullptr; ++word)
        request.argv.emplace_back(*word);
    const std::vector<int> inherited = inherited_numbers(request.argv);
    for (const int number : inherited)
        request.fds.emplace_back(number, number);
    if (held >= 0)
        request.fds.emplace_back(held, held);
    ChildProcess criu = ChildProcess::spawn(std::move(request));
    // Who reads from the tree must see its end.
    for (const int number : inherited)
        ::close(number);
    return criu;
}

} // namespace

SpawnRequest guarded(SpawnRequest criu, const std::string& program, int held) {
    criu.argv.insert(criu.argv.begin(), program);
    criu.env->push_back(fmt::format("{}={}", k_restore_guard, held));
    return criu;
}

int run_restore_guard(char** argv) {
    try {
        ::prctl(PR_SET_NAME, "cedana-guard");
        ignore_signals();
        const int held = take_held();
        const Subreaper adopting;
        const UniqueFd asked = watch_signals(std::array{SIGTERM});
        const ExitStatus ended = end_of(start_criu(argv, held), asked);
        end_unfinished(ended, k_restore_log);
        return ended.shell_code();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "Error: %s\n", error.what());
        return k_failed;
    }
}

void end_unfinished(const ExitStatus& criu, const std::filesystem::path& log) {
    if (!criu.success() && !was_restored(log))
        kill_children();
}

} // namespace cedana::criu
