// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/app.hpp"

#include "cedana/base/core_dumps.hpp"
#include "cedana/base/descriptor_limit.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/log.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/command_text.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/failure.hpp"
#include "cedana/cli/help.hpp"
#include "cedana/cli/manual.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/parser.hpp"
#include "cedana/cli/terminal.hpp"
#include "cedana/containers/lacking_runtime.hpp"
#include "cedana/containers/run_as_runtime.hpp"
#include "cedana/containers/stand_in.hpp"
#include "cedana/job/space.hpp"
#include "cedana/lazy/keeper.hpp"
#include "cedana/lazy/server.hpp"
#include "cedana/roles/role.hpp"
#include "cedana/version.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <unistd.h>

namespace cedana {

namespace {

struct Arguments {
    CommonArguments common;
    bool json = false;
    std::string progress = "auto";
    bool quiet = false;
    bool verbose = false;
};

Command help_command(const Command& program);
Command version_command();

// An initializer list would copy each with all of its options, at each start.
template <typename... Commands>
std::vector<Command> list_of(Commands... commands) {
    std::vector<Command> list;
    list.reserve(sizeof...(commands));
    (list.push_back(std::move(commands)), ...);
    return list;
}

// What is in `program` looks at it: it stays where it is.
void set_up(Command& program, Arguments& arguments) {
    program.name = "cedana";
    program.summary = "checkpoint and restore Linux processes";
    program.options = {
        {.names = {"--version"},
         .meaning = "print the version",
         .target = PrintVersion{std::string("cedana ") + k_version}},
        {.names = {"--config"},
         .value = "FILE",
         .meaning = "config file (default: ~/.cedana/cedana_config.json)",
         .target = &arguments.common.config_file,
         .complete = Complete::files},
        {.names = {"--json"}, .meaning = "print the result as one JSON object", .target = &arguments.json},
        {.names = {"--progress"},
         .value = "FORM",
         .meaning = "how far a long operation is: auto, none or json (on stderr)",
         .target = &arguments.progress,
         .complete = Complete::choices,
         .choices = {"auto", "none", "json"}},
        {.names = {"-q", "--quiet"}, .meaning = "no warnings, no progress, no summary", .target = &arguments.quiet},
        {.names = {"-v", "--verbose"}, .meaning = "say more about what is done", .target = &arguments.verbose}};
    Command client{.name = "client",
                   .summary = "checkpoint and restore processes",
                   .commands =
                       list_of(dump_command(), restore_command(), migrate_command(), receive_command(), run_command(),
                               ps_command(), checkpoint_command(), stop_command(), history_command(), verify_command(),
                               list_command(), inspect_command(), prune_command(), remove_command(), sign_command(),
                               export_command(), import_command(), find_command())};
    program.commands = list_of(std::move(client), check_command(), unit_command(), container_command(),
                               config_command(), completion_command(program));
    for (const char* name : {"dump", "restore", "list", "inspect", "verify", "rm"})
        program.commands.push_back(short_form_of(program.commands.front(), name));
    program.commands.push_back(help_command(program));
    program.commands.push_back(version_command());
    add_help(program);
}

std::string help_of(const Command& program, const std::string& path) {
    const std::vector<CommandText> all = describe_commands(program);
    const std::size_t width = terminal_width(STDOUT_FILENO);
    const auto text = std::ranges::find(all, path, &CommandText::path);
    return text == all.begin() ? program_help(all, width) : help_text(*text, all, width);
}

void print_version(Format format) {
    if (format == Format::json)
        print_json({{"version", k_version}});
    else
        print_line(std::string("cedana ") + k_version);
}

void print_help(const Command& program, const std::string& path) {
    const std::string help = help_of(program, path);
    print_line(std::string_view(help).substr(0, help.size() - 1));
}

// "cedana client dump" of "client dump" and of "dump".
std::string path_of(const Command& program, const std::vector<std::string>& words) {
    const Command* command = &program;
    std::string path = program.name;
    for (const std::string& word : words) {
        const auto inner = std::ranges::find(command->commands, word, &Command::name);
        if (inner == command->commands.end())
            throw Error(Fault::usage,
                        fmt::format("there is no command '{}'", printable(fmt::format("{}", fmt::join(words, " ")))))
                .hint("cedana --help");
        command = &*inner;
        path = command->short_for.empty() ? fmt::format("{} {}", path, word)
                                          : fmt::format("{} {}", program.name, command->short_for);
    }
    return path.find(" --") == std::string::npos ? path : program.name;
}

Command help_command(const Command& program) {
    const auto words = std::make_shared<std::vector<std::string>>();
    return {.name = "help",
            .summary = "what a command does, its options and an example",
            .options = {{.names = {"COMMAND"}, .meaning = "the command; none: all of them", .target = words.get()}},
            .run = [words, &program](const CommonArguments&,
                                     const Interrupt&) { print_help(program, path_of(program, *words)); },
            .short_for = "--help"};
}

Command version_command() {
    return {.name = "version",
            .summary = "print the version",
            .run = [](const CommonArguments& common, const Interrupt&) { print_version(common.format); },
            .short_for = "--version"};
}

// What could not be parsed may stand before it.
bool asks_for_json(int argc, const char* const* argv) {
    const std::span<const char* const> words(argv, static_cast<std::size_t>(argc));
    const auto end = std::ranges::find(words, std::string_view("--"));
    return std::find(words.begin(), end, std::string_view("--json")) != end;
}

// What is asked for beside a command.
void print_wanted(const Command& program, const Parsed& parsed, Format format) {
    if (parsed.wanted == Wanted::help)
        print_help(program, parsed.path);
    else
        print_version(format);
}

roles::Roles all_roles() {
    roles::Roles all{.roles = roles::own_roles()};
    all.roles.push_back(lazy_keeper());
    all.roles.push_back(lazy_server());
    for (roles::Role& role : job::space_roles())
        all.roles.push_back(std::move(role));
    return all;
}

int print_failure(const Error& error) {
    print_error(error);
    return static_cast<int>(error.fault());
}

// As an error is: what does not fit into the line behind "warning: " goes on below.
std::string wrapped_warning(const std::string& text) {
    constexpr std::size_t k_label = 9;
    return hanging(std::string(k_label, '.') + text, k_label, terminal_width(STDERR_FILENO)).substr(k_label);
}

std::optional<ProgressForm> progress_form(std::string_view word) {
    if (word == "auto")
        return ProgressForm::automatic;
    if (word == "none")
        return ProgressForm::none;
    return word == "json" ? std::optional(ProgressForm::json) : std::nullopt;
}

// What a relative path means is not known in a folder that was removed (getcwd(3)).
Error unforeseen(const std::exception& error) {
    std::error_code gone;
    static_cast<void>(std::filesystem::current_path(gone));
    if (gone && dynamic_cast<const std::filesystem::filesystem_error*>(&error) != nullptr)
        return Error(Fault::storage, fmt::format("the folder in which cedana was called is gone: {}", gone.message()))
            .hint("call it in one that is there");
    return Error(Fault::internal, fmt::format("internal fault: {}", error.what()));
}

// The exit code. `format`: as it is by then.
template <typename Work>
int run(const Format& format, Work work) {
    try {
        work();
        return 0;
    } catch (const EndAsProgram& end) {
        return end.exit_code;
    } catch (const ReaderGone&) {
        // What a shell sees of a program that SIGPIPE has ended.
        return 128 + SIGPIPE;
    } catch (const FailedWithResult& failed) {
        return fail(failed.error, format, failed.result);
    } catch (const Error& error) {
        return fail(error, format);
    } catch (const std::exception& error) {
        return fail(unforeseen(error), format);
    }
}

// All that the options of the program say.
CommonArguments common_of(const Arguments& arguments) {
    CommonArguments common = arguments.common;
    common.format = arguments.json ? Format::json : Format::text;
    common.verbosity = arguments.verbose ? Verbosity::verbose : arguments.quiet ? Verbosity::quiet : Verbosity::normal;
    const auto form = progress_form(arguments.progress);
    if (!form)
        throw Error(Fault::usage, fmt::format("--progress {} is no form", arguments.progress))
            .hint("one of auto, none, json");
    common.progress = *form;
    return common;
}

// What is closed of 0 to 2 would be given to the next file that is opened, and messages would be written into it. What
// is written to a closed stdout fails as ever: whoever closed it is told of a result in another way. Where there is no
// /dev/null, a folder takes nothing either.
void fill_standard_descriptors() {
    for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(number, F_GETFD) >= 0)
            continue;
        // The lowest that is free, which is this one.
        if (::open("/dev/null", number == STDOUT_FILENO ? O_RDONLY : O_RDWR) < 0)
            static_cast<void>(::open("/", O_PATH));
    }
}

} // namespace

std::string manual_page(std::string_view name) {
    Arguments arguments;
    Command program;
    set_up(program, arguments);
    if (name == "cedana.1")
        return commands_manual(describe_commands(program));
    return name == "cedana_config.json.5" ? settings_manual() : std::string();
}

int run_command_line(int argc, char** argv) {
    if (const auto exit_code = containers::run_as_criu(argc, argv))
        return *exit_code;
    if (const auto exit_code = containers::run_as_runtime(argc, argv))
        return *exit_code;
    if (const auto exit_code = containers::run_as_lacking_runtime(argc, argv))
        return *exit_code;
    fill_standard_descriptors();
    forbid_core_dumps();
    raise_descriptor_limit();
    // A parent that ignores SIGCHLD hands that on, and the kernel would reap our children (sigaction(2), SA_NOCLDWAIT).
    std::signal(SIGCHLD, SIG_DFL);
    // A file that may not grow (RLIMIT_FSIZE) must be an error where it happens, not the end of this program.
    std::signal(SIGXFSZ, SIG_IGN);
    try {
        if (const auto exit_code = roles::run_role(argc, argv, all_roles()))
            return *exit_code;
    } catch (const Error& error) {
        return print_failure(error);
    }
    Arguments arguments;
    Command program;
    set_up(program, arguments);
    Format format = asks_for_json(argc, argv) ? Format::json : Format::text;
    return run(format, [&] {
        const Parsed parsed = parse(program, argc, argv);
        if (parsed.wanted != Wanted::run)
            return print_wanted(program, parsed, format);
        format = arguments.json ? Format::json : Format::text;
        CommonArguments common = common_of(arguments);
        common.words.assign(argv + 1, argv + argc);
        set_up_log(common.verbosity, wrapped_warning);
        parsed.command->run(common, Interrupt::install());
    });
}

} // namespace cedana
