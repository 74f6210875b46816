// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/command.hpp"

#include <algorithm>

namespace cedana {

Command short_form_of(const Command& group, const std::string& name) {
    Command command = *std::ranges::find(group.commands, name, &Command::name);
    command.short_for = group.name + " " + name;
    return command;
}

void add_help(Command& command) {
    command.options.insert(command.options.begin(), {.names = {"-h", "--help"},
                                                     .meaning = "what a command does, its options and an example",
                                                     .target = PrintHelp{}});
    for (Command& inner : command.commands)
        add_help(inner);
}

} // namespace cedana
