// SPDX-License-Identifier: Apache-2.0
// A command as data: its name, its options with the variables that they fill, and the function that does the work. It
// is parsed from this (parser.hpp), and help, manual page and completion are made from it (command_text.hpp,
// completion.hpp), so none of them can differ from what is parsed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace cedana {

class Interrupt;
struct CommonArguments;

// What a shell offers for the value of an option.
enum class Complete { nothing, files, folders, pids, names, checkpoints, checkpoints_or_latest, choices };

// --help, which every command has.
struct PrintHelp {};
struct PrintVersion {
    std::string text;
};

// What an option fills: a flag, a text, a number, a path, or a list of these. Or what it does instead.
using OptionTarget =
    std::variant<PrintHelp, PrintVersion, bool*, std::function<void()>, std::string*, std::optional<std::string>*,
                 std::filesystem::path*, std::optional<std::filesystem::path>*, std::optional<int>*,
                 std::optional<std::int64_t>*, std::vector<std::string>*, std::vector<std::filesystem::path>*>;

struct Option {
    // "-p", "--pid"; of a positional its name alone.
    std::vector<std::string> names = {};
    // "PID"; empty for a flag and a positional.
    std::string value = {};
    std::string meaning = {};
    OptionTarget target = {};
    bool required = false;
    // A list takes one value for each time that the option is given, else as many as follow.
    bool one_each = false;
    // Not for people.
    bool hidden = false;
    Complete complete = Complete::nothing;
    std::vector<std::string> choices = {};
    // The names of options above that cannot stand beside it, with a comma between them, and of one without which it
    // cannot stand.
    std::string excludes = {};
    std::string needs = {};

    [[nodiscard]] bool is_positional() const { return !names.front().starts_with('-'); }
    // Takes more than one value.
    [[nodiscard]] bool is_repeated() const {
        return !one_each && (std::holds_alternative<std::vector<std::string>*>(target) ||
                             std::holds_alternative<std::vector<std::filesystem::path>*>(target));
    }
};

// The work; it runs once all arguments are parsed.
using Run = std::function<void(const CommonArguments& common, const Interrupt& interrupt)>;

// What `run` needs of what the options fill, it must keep alive.
struct Command {
    std::string name = {};
    std::string summary = {};
    std::vector<Option> options = {};
    // "sudo cedana client dump -p 4242 -d /var/checkpoints"
    std::vector<std::string> examples = {};
    Run run = {};
    // Of a group, which does nothing by itself.
    std::vector<Command> commands = {};
    // Not for people.
    bool hidden = false;
    // Its last argument is a command line: whatever follows the first word of that belongs to it.
    bool runs_a_command = false;
    // Of a short form: the command that it is, behind the program's name ("client dump"). Texts name that one alone.
    std::string short_for = {};
};

// The command of a group once more, as a command of the program: it fills the same variables.
[[nodiscard]] Command short_form_of(const Command& group, const std::string& name);

// Puts --help before the options of the command and of all in it.
void add_help(Command& command);

} // namespace cedana
