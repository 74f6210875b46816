// SPDX-License-Identifier: Apache-2.0
// A target of COUNT processes that take little memory: a parent and its children, which wait for SIGUSR1. When the
// parent gets it, it sends it to every child, and each answers through one pipe with its number; once all have answered
// the parent appends "all right" to LOG. "ready" is appended once all wait for the signal. Linked statically, so that
// each process has some ten pages of its own. Usage: many LOG COUNT
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "append_log.hpp"

namespace {

[[noreturn]] void answer_signals(int pipe, std::uint32_t number, const sigset_t& signals) {
    while (true) {
        if (::write(pipe, &number, sizeof number) != sizeof number)
            std::exit(2);
        int caught = 0;
        ::sigwait(&signals, &caught);
    }
}

// One answer of each, in any order.
void hear_all(int pipe, std::size_t children, const AppendLog& log) {
    std::vector<bool> heard(children);
    for (std::size_t i = 0; i < children; ++i) {
        std::uint32_t number = 0;
        if (::read(pipe, &number, sizeof number) != sizeof number || number >= children || heard[number])
            log.broken("an answer");
        heard[number] = true;
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    const AppendLog log(argv[1]);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    std::array<int, 2> answers{};
    if (::pipe(answers.data()) != 0)
        return 2;
    std::vector<pid_t> children(std::strtoul(argv[2], nullptr, 10) - 1);
    for (std::uint32_t number = 0; number < children.size(); ++number) {
        children[number] = ::fork();
        if (children[number] < 0)
            log.broken("fork");
        if (children[number] == 0)
            answer_signals(answers[1], number, signals);
    }
    hear_all(answers[0], children.size(), log);
    log.line("ready");
    while (true) {
        int caught = 0;
        ::sigwait(&signals, &caught);
        for (const pid_t child : children)
            if (::kill(child, SIGUSR1) != 0)
                log.broken("kill");
        hear_all(answers[0], children.size(), log);
        log.line("all right");
    }
}
