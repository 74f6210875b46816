// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/command.hpp"

namespace cedana {

void add_help(Command& command) {
    command.options.insert(command.options.begin(), {.names = {"-h", "--help"},
                                                     .meaning = "what a command does, its options and an example",
                                                     .target = PrintHelp{}});
    for (Command& inner : command.commands)
        add_help(inner);
}

} // namespace cedana
