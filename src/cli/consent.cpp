// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/consent.hpp"

#include "cedana/base/error.hpp"

#include <array>
#include <cerrno>
#include <cstdio>

#include <poll.h>
#include <unistd.h>

namespace cedana {

namespace {

// Byte by byte: what is behind the line is the shell's.
std::string read_answer(const Interrupt& interrupt) {
    std::string line;
    while (true) {
        std::array<pollfd, 2> set = {{{STDIN_FILENO, POLLIN, 0}, {interrupt.fd(), POLLIN, 0}}};
        if (::poll(set.data(), set.size(), -1) < 0 && errno != EINTR)
            throw OsFailure().error("cannot poll");
        interrupt.throw_if_pending();
        if (set[0].revents == 0)
            continue;
        char letter = 0;
        const ssize_t count = ::read(STDIN_FILENO, &letter, 1);
        if (count < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (count <= 0 || letter == '\n')
            return line;
        line += letter;
    }
}

} // namespace

void require_consent(const std::string& question, const Interrupt& interrupt) {
    if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1)
        return;
    std::fprintf(stderr, "%s [y/N] ", question.c_str());
    const std::string answer = read_answer(interrupt);
    if (answer != "y" && answer != "Y" && answer != "yes")
        throw Error(Fault::usage, "nothing was done, since the answer was not yes").hint("--yes says so beforehand");
}

} // namespace cedana
