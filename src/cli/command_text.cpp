// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/command_text.hpp"

#include "cedana/base/text.hpp"

#include <string_view>

#include <CLI/App.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

OptionText describe_option(const CLI::Option& option) {
    OptionText text{.names = {},
                    .value = {},
                    .meaning = option.get_description(),
                    .positional = option.get_positional(),
                    .required = option.get_required(),
                    .repeated = option.get_expected_max() > 1};
    if (text.positional) {
        text.names.push_back(option.get_name(true, false));
        return text;
    }
    for (const std::string& name : option.get_snames())
        text.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames())
        text.names.push_back("--" + name);
    if (option.get_items_expected_max() > 0)
        text.value = option.get_type_name();
    return text;
}

// "examples: FIRST\n          SECOND" of a footer.
std::vector<std::string> examples_of(const std::string& footer) {
    std::vector<std::string> examples;
    for (const std::string& line : split(footer, '\n')) {
        std::string_view text = trim(line);
        for (const std::string_view word : {"examples:", "example:"})
            if (text.starts_with(word))
                text = trim(text.substr(word.size()));
        if (!text.empty())
            examples.emplace_back(text);
    }
    return examples;
}

void describe_all(const CLI::App& command, std::vector<CommandText>& out) {
    out.push_back(describe_command(command));
    for (const CLI::App* inner : command.get_subcommands([](const CLI::App*) { return true; }))
        if (!inner->get_group().empty())
            describe_all(*inner, out);
}

} // namespace

CommandText describe_command(const CLI::App& command) {
    CommandText text{.path = command.get_name(),
                     .summary = command.get_description(),
                     .options = {},
                     .examples = examples_of(command.get_footer())};
    for (const CLI::App* parent = command.get_parent(); parent != nullptr; parent = parent->get_parent())
        text.path = parent->get_name() + " " + text.path;
    text.is_group = !command.get_subcommands([](const CLI::App*) { return true; }).empty();
    for (const CLI::Option* option : command.get_options())
        if (!option->get_group().empty())
            text.options.push_back(describe_option(*option));
    return text;
}

std::vector<CommandText> describe_commands(const CLI::App& program) {
    std::vector<CommandText> all;
    describe_all(program, all);
    return all;
}

std::string heading_of(const OptionText& option) {
    const std::string names = fmt::format("{}", fmt::join(option.names, ", "));
    return option.value.empty() ? names : names + " " + option.value;
}

std::string usage_of(const CommandText& command) {
    std::string usage = command.path + (command.is_group ? " COMMAND" : " [OPTIONS]");
    for (const OptionText& option : command.options) {
        if (!option.positional)
            continue;
        const std::string name = option.names.front() + (option.repeated ? " ..." : "");
        usage += option.required ? " " + name : " [" + name + "]";
    }
    return usage;
}

} // namespace cedana
