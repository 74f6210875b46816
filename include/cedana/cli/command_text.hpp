// SPDX-License-Identifier: Apache-2.0
// What the commands declare, as help, manual page and completion show it.
#pragma once

#include "cedana/cli/command.hpp"

#include <string>
#include <vector>

namespace cedana {

struct CommandText {
    // "cedana client dump"
    std::string path;
    std::string summary;
    // Those for people.
    std::vector<Option> options;
    std::vector<std::string> examples;
    // "cedana dump"; empty if it has no short form.
    std::string short_path;
    // Has commands of its own.
    bool is_group = false;
    // Not for people: a list of commands is without it.
    bool is_hidden = false;
};

// The program, then every command, groups before what is in them. Short forms stand with what they
// are for; those of an option, as `help`, are not commands of their own.
[[nodiscard]] std::vector<CommandText> describe_commands(const Command& program);

// "-p, --pid PID"
[[nodiscard]] std::string heading_of(const Option& option);
// "cedana client dump [OPTIONS]", "cedana client restore [OPTIONS] CHECKPOINT"
[[nodiscard]] std::string usage_of(const CommandText& command);
// With its short form as `path`.
[[nodiscard]] std::string usage_of(const CommandText& command, const std::string& path);

} // namespace cedana
