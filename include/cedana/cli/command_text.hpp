// SPDX-License-Identifier: Apache-2.0
// What the command line declares, as data: help, manual page and completion are made from it, so none of them can
// differ from what is parsed.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace cedana {

struct OptionText {
    // "-p", "--pid"; of a positional its name.
    std::vector<std::string> names;
    // "PID"; empty for a flag.
    std::string value;
    std::string meaning;
    bool positional = false;
    bool required = false;
    bool repeated = false;
};

struct CommandText {
    // "cedana client dump"
    std::string path;
    std::string summary;
    std::vector<OptionText> options;
    // "sudo cedana client dump -p 4242 -d /var/checkpoints"
    std::vector<std::string> examples;
    // Has commands of its own.
    bool is_group = false;
};

// The program, then every command that is not hidden, groups before what is in them.
[[nodiscard]] std::vector<CommandText> describe_commands(const CLI::App& program);
[[nodiscard]] CommandText describe_command(const CLI::App& command);

// "-p, --pid PID"
[[nodiscard]] std::string heading_of(const OptionText& option);
// "cedana client dump [OPTIONS]", "cedana client restore [OPTIONS] CHECKPOINT"
[[nodiscard]] std::string usage_of(const CommandText& command);

} // namespace cedana
