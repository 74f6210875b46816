// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/help.hpp"

#include "cedana/base/text.hpp"
#include "cedana/cli/terminal.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

constexpr std::size_t k_usual_width = 80;
constexpr std::size_t k_widest_heading = 26;

using Rows = std::vector<std::pair<std::string, std::string>>;

// Headings on the left, meanings beside them; a long heading has a line of its own.
std::string columns(const Rows& rows, std::size_t width) {
    std::size_t left = 0;
    for (const auto& [heading, meaning] : rows)
        if (heading.size() <= k_widest_heading)
            left = std::max(left, heading.size());
    const std::size_t room = std::max<std::size_t>(width > left + 4 ? width - left - 4 : 0, 20);
    std::string text;
    for (const auto& [heading, meaning] : rows) {
        std::string begin = fmt::format("  {:<{}}", heading, left);
        if (heading.size() > left)
            text += std::exchange(begin, std::string(left + 2, ' ')) + "\n";
        for (const std::string& line : wrapped(meaning, room))
            text += std::exchange(begin, std::string(left + 2, ' ')) + "  " + line + "\n";
    }
    return text;
}

Rows option_rows(const CommandText& command, bool positional) {
    Rows rows;
    for (const Option& option : command.options)
        if (option.is_positional() == positional)
            rows.emplace_back(heading_of(option), option.meaning);
    return rows;
}

std::string part(const std::string& title, const Rows& rows, std::size_t width) {
    return rows.empty() ? std::string() : "\n" + title + "\n" + columns(rows, width);
}

// Without the program's name; groups are only a word before their commands.
Rows command_rows(const std::vector<CommandText>& all, const std::string& below) {
    Rows rows;
    for (const CommandText& command : all)
        if (!command.is_group && !command.is_hidden && command.path.starts_with(below + " "))
            rows.emplace_back(command.path.substr(command.path.find(' ') + 1), command.summary);
    return rows;
}

} // namespace

std::string help_text(const CommandText& command, const std::vector<CommandText>& all, std::size_t width) {
    const std::size_t columns_wide = width == 0 ? k_usual_width : width;
    std::string text = "usage: " + usage_of(command) + "\n";
    if (!command.short_path.empty())
        text += "       " + usage_of(command, command.short_path) + "\n";
    for (const std::string& line : wrapped(command.summary, columns_wide))
        text += line + "\n";
    text += part("commands", command_rows(all, command.path), columns_wide);
    text += part("arguments", option_rows(command, true), columns_wide);
    text += part("options", option_rows(command, false), columns_wide);
    for (const std::string& example : command.examples)
        text +=
            hanging((&example == &command.examples.front() ? "\nexample: " : "         ") + example, 11, columns_wide) +
            "\n";
    return text;
}

std::string program_help(const std::vector<CommandText>& all, std::size_t width) {
    const std::size_t columns_wide = width == 0 ? k_usual_width : width;
    const CommandText& program = all.front();
    std::string text = program.summary + "\n";
    text += "  sudo cedana client dump -p PID     checkpoint a process, which runs on\n"
            "  sudo cedana client restore latest  bring it back\n";
    // No line is left empty here: it fits on a screen of 24.
    text += part("commands", command_rows(all, program.path), columns_wide).substr(1);
    std::vector<std::string> shorts;
    for (const CommandText& command : all)
        if (!command.short_path.empty())
            shorts.push_back(command.path.substr(command.path.rfind(' ') + 1));
    std::vector<std::string> names;
    for (const Option& option : program.options)
        names.push_back(option.names.back() + (option.value.empty() ? "" : " " + option.value));
    text += "\n";
    const auto add = [&](const std::string& paragraph) {
        for (const std::string& line : wrapped(paragraph, columns_wide))
            text += line + "\n";
    };
    if (!shorts.empty())
        add(fmt::format("`client` may be left out of: {}", fmt::join(shorts, ", ")));
    add(fmt::format("of every command: {}; --help has its options and an example; see also cedana(1)",
                    fmt::join(names, ", ")));
    return text;
}

} // namespace cedana
