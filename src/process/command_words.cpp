// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/command_words.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace cedana {

namespace {

enum class Options { stand_alone, may_be_joined };

struct Interpreter {
    // Of "python3.11" this is "python".
    std::string_view name;
    // Options whose value is the next argument.
    std::string_view with_value;
    // Options whose next argument names the program.
    std::string_view names_program = {};
    // Options whose next argument is the program itself: then there is no script.
    std::string_view holds_program = {};
    Options options = Options::may_be_joined;
};

// Lists of words, each between spaces.
constexpr std::array k_interpreters = {
    Interpreter{.name = "python",
                .with_value = " -W -X --check-hash-based-pycs ",
                .names_program = " -m ",
                .holds_program = " -c "},
    Interpreter{.name = "pypy", .with_value = " -W -X ", .names_program = " -m ", .holds_program = " -c "},
    Interpreter{.name = "bash", .with_value = " -o +o -O +O --rcfile --init-file ", .holds_program = " -c "},
    Interpreter{.name = "sh", .with_value = " -o +o ", .holds_program = " -c "},
    Interpreter{.name = "dash", .with_value = " -o +o ", .holds_program = " -c "},
    Interpreter{.name = "ksh", .with_value = " -o +o ", .holds_program = " -c "},
    Interpreter{.name = "zsh", .with_value = " -o +o ", .holds_program = " -c "},
    Interpreter{.name = "node",
                .with_value = " -r --require --import --loader --experimental-loader -C --conditions ",
                .holds_program = " -e --eval -p --print ",
                .options = Options::stand_alone},
    Interpreter{.name = "nodejs",
                .with_value = " -r --require --import ",
                .holds_program = " -e --eval -p --print ",
                .options = Options::stand_alone},
    Interpreter{.name = "perl", .with_value = " -I ", .holds_program = " -e -E "},
    Interpreter{.name = "ruby", .with_value = " -I -r -C -E ", .holds_program = " -e "},
    Interpreter{.name = "php", .with_value = " -c -d -z ", .names_program = " -f ", .holds_program = " -r "},
    Interpreter{.name = "lua", .with_value = " -l ", .holds_program = " -e "},
    Interpreter{.name = "java",
                .with_value = " -cp -classpath --class-path -p --module-path --add-modules --add-opens --add-exports "
                              "--add-reads --upgrade-module-path ",
                .names_program = " -jar -m --module ",
                .options = Options::stand_alone},
};

bool in_list(std::string_view list, std::string_view word) {
    return !list.empty() && list.find(' ' + std::string(word) + ' ') != std::string_view::npos;
}

// As in_list(); of joined options ("-lc") the last one counts, since only it can take the next argument.
bool is_option(const Interpreter& interpreter, std::string_view list, std::string_view argument) {
    constexpr std::size_t k_longest_cluster = 5;
    if (in_list(list, argument))
        return true;
    return interpreter.options == Options::may_be_joined && argument.size() > 2 &&
           argument.size() <= k_longest_cluster && argument[0] == '-' && argument[1] != '-' &&
           in_list(list, std::string{'-', argument.back()});
}

const Interpreter* interpreter_of(std::string_view program) {
    // A login shell is called "-bash".
    if (program.starts_with('-'))
        program.remove_prefix(1);
    const std::size_t last = program.find_last_not_of("0123456789.");
    program = program.substr(0, last == std::string_view::npos ? 0 : last + 1);
    const auto found = std::find_if(k_interpreters.begin(), k_interpreters.end(),
                                    [&](const Interpreter& one) { return one.name == program; });
    return found == k_interpreters.end() ? nullptr : &*found;
}

// Of "--config=/etc/a.conf" both parts lose their folders.
std::string stripped(std::string_view word) {
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos || equals + 1 == word.size())
        return std::string(base_name(word));
    return std::string(base_name(word.substr(0, equals))) + '=' + std::string(base_name(word.substr(equals + 1)));
}

} // namespace

std::string_view base_name(std::string_view path) {
    const std::size_t last = path.find_last_not_of('/');
    if (last == std::string_view::npos)
        return path;
    path = path.substr(0, last + 1);
    return path.substr(path.rfind('/') + 1);
}

std::vector<std::string> command_words(std::span<const std::string> arguments) {
    constexpr std::string_view k_space = " \t\n";
    std::vector<std::string> words;
    for (std::string_view rest : arguments) {
        while (true) {
            rest.remove_prefix(std::min(rest.find_first_not_of(k_space), rest.size()));
            if (rest.empty())
                break;
            const std::string_view word = rest.substr(0, rest.find_first_of(k_space));
            words.push_back(stripped(word));
            rest.remove_prefix(word.size());
        }
    }
    return words;
}

std::optional<std::size_t> script_place(std::span<const std::string> arguments) {
    const Interpreter* interpreter = arguments.empty() ? nullptr : interpreter_of(base_name(arguments.front()));
    if (interpreter == nullptr)
        return std::nullopt;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        const bool last = i + 1 == arguments.size();
        if (argument == "-" || is_option(*interpreter, interpreter->holds_program, argument))
            return std::nullopt;
        if (argument == "--" || is_option(*interpreter, interpreter->names_program, argument))
            return last ? std::nullopt : std::optional(i + 1);
        if (is_option(*interpreter, interpreter->with_value, argument))
            ++i;
        else if (!argument.starts_with('-') && !argument.starts_with('+'))
            return i;
    }
    return std::nullopt;
}

std::optional<std::string> script_name(std::span<const std::string> arguments) {
    const auto place = script_place(arguments);
    return place ? std::optional(std::string(base_name(arguments[*place]))) : std::nullopt;
}

} // namespace cedana
