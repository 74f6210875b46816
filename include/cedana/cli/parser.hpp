// SPDX-License-Identifier: Apache-2.0
// From the words of a command line to a command whose variables are filled. The one place that knows CLI11.
#pragma once

#include "cedana/cli/command.hpp"

#include <string>

namespace cedana {

enum class Wanted { run, help, version };

struct Parsed {
    Wanted wanted = Wanted::run;
    // The innermost that was given; the program itself is one.
    const Command* command = nullptr;
    // "cedana client dump", of a short form too.
    std::string path;
};

// Fills what the options of `program` name, those of the program behind a command too. A group alone, without any other
// word, is taken for a wish for its help. Throws Error(Fault::usage),
// which says what was meant, and whose help has more.
[[nodiscard]] Parsed parse(const Command& program, int argc, const char* const* argv);

} // namespace cedana
