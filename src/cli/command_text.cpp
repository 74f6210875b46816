// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/command_text.hpp"

#include <algorithm>
#include <iterator>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

void describe_all(const Command& command, const std::string& above, std::vector<CommandText>& out) {
    CommandText text{.path = above + command.name,
                     .summary = command.summary,
                     .options = {},
                     .examples = command.examples,
                     .short_path = {},
                     .is_group = !command.commands.empty(),
                     .is_hidden = command.hidden};
    std::ranges::copy_if(command.options, std::back_inserter(text.options),
                         [](const Option& option) { return !option.hidden; });
    const std::string path = text.path + " ";
    out.push_back(std::move(text));
    for (const Command& inner : command.commands)
        if (inner.short_for.empty())
            describe_all(inner, path, out);
}

} // namespace

std::vector<CommandText> describe_commands(const Command& program) {
    std::vector<CommandText> all;
    describe_all(program, "", all);
    for (const Command& command : program.commands) {
        const auto long_form = std::ranges::find(all, program.name + " " + command.short_for, &CommandText::path);
        if (!command.short_for.empty() && long_form != all.end())
            long_form->short_path = program.name + " " + command.name;
    }
    return all;
}

std::string heading_of(const Option& option) {
    const std::string names = fmt::format("{}", fmt::join(option.names, ", "));
    return option.value.empty() ? names : names + " " + option.value;
}

std::string usage_of(const CommandText& command) { return usage_of(command, command.path); }

std::string usage_of(const CommandText& command, const std::string& path) {
    std::string usage = path + (command.is_group ? " COMMAND" : " [OPTIONS]");
    for (const Option& option : command.options) {
        if (!option.is_positional())
            continue;
        const std::string name = option.names.front() + (option.is_repeated() ? " ..." : "");
        usage += option.required ? " " + name : " [" + name + "]";
    }
    return usage;
}

} // namespace cedana
