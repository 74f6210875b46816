// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/consent.hpp"

#include "cedana/base/error.hpp"

#include <cstdio>
#include <span>

#include <unistd.h>

namespace cedana {

namespace {

// Byte by byte: what is behind the line is the shell's.
std::string read_answer(const Interrupt& interrupt) {
    std::string line;
    char letter = 0;
    while (read_when_ready(STDIN_FILENO, std::as_writable_bytes(std::span(&letter, 1)), interrupt) > 0 &&
           letter != '\n')
        line += letter;
    return line;
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
