// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/app.hpp"

#include "cedana/action/lazy_job.hpp"
#include "cedana/action/lazy_keeper.hpp"
#include "cedana/action/lazy_server.hpp"
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
#include "cedana/model/caller.hpp"
#include "cedana/roles/guard.hpp"
#include "cedana/roles/pid_namespace.hpp"
#include "cedana/roles/terminal.hpp"
#include "cedana/version.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

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
        {.names = {"-q", "--quiet"}, .meaning = "no warnings", .target = &arguments.quiet},
        {.names = {"-v", "--verbose"}, .meaning = "say more about what is done", .target = &arguments.verbose}};
    program.commands = {{.name = "client",
                         .summary = "checkpoint and restore processes",
                         .commands = {dump_command(), restore_command(), verify_command(), list_command(),
                                      inspect_command(), prune_command(), sign_command(), find_command()}},
                        check_command(),
                        config_command(),
                        completion_command(program)};
    add_help(program);
}

std::string help_of(const Command& program, const std::string& path) {
    const std::vector<CommandText> all = describe_commands(program);
    const std::size_t width = terminal_width(STDOUT_FILENO);
    const auto text = std::ranges::find(all, path, &CommandText::path);
    return text == all.begin() ? program_help(all, width) : help_text(*text, all, width);
}

// What could not be parsed may stand before it.
bool asks_for_json(int argc, const char* const* argv) {
    const std::span<const char* const> words(argv, static_cast<std::size_t>(argc));
    const auto end = std::ranges::find(words, std::string_view("--"));
    return std::find(words.begin(), end, std::string_view("--json")) != end;
}

// What is asked for beside a command.
void print_wanted(const Command& program, const Parsed& parsed, Format format) {
    if (parsed.wanted == Wanted::help) {
        const std::string help = help_of(program, parsed.path);
        print_line(std::string_view(help).substr(0, help.size() - 1));
    } else if (format == Format::json) {
        print_json({{"version", k_version}});
    } else {
        print_line(std::string("cedana ") + k_version);
    }
}

// What fills the memory of a lazily restored tree is cedana too.
std::optional<int> run_hidden_role() {
    const bool keeper = std::getenv(k_lazy_keeper) != nullptr;
    if (!keeper && std::getenv(k_lazy_server) == nullptr)
        return std::nullopt;
    set_up_log(Verbosity::verbose);
    return keeper ? run_lazy_keeper() : run_lazy_server();
}

std::optional<ProgressForm> progress_form(std::string_view word) {
    if (word == "auto")
        return ProgressForm::automatic;
    if (word == "none")
        return ProgressForm::none;
    return word == "json" ? std::optional(ProgressForm::json) : std::nullopt;
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
        return fail(Error(Fault::internal, fmt::format("internal fault: {}", error.what())), format);
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
    forbid_core_dumps();
    raise_descriptor_limit();
    // Who ignores it hands that on, and the kernel would reap our children (sigaction(2), SA_NOCLDWAIT).
    std::signal(SIGCHLD, SIG_DFL);
    // In these roles it runs what its arguments say; sudo may be told to keep a user's environment.
    if (!is_started_by_sudo()) {
        if (std::getenv(criu::k_keeper) != nullptr)
            return criu::run_keeper(argv);
        if (std::getenv(criu::k_restore_guard) != nullptr)
            return criu::run_restore_guard(argv);
        if (std::getenv(criu::k_namespace_keeper) != nullptr)
            return criu::run_in_new_pid_namespace(argv);
        if (const auto exit_code = run_hidden_role())
            return *exit_code;
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
        const CommonArguments common = common_of(arguments);
        set_up_log(common.verbosity);
        parsed.command->run(common, Interrupt::install());
    });
}

} // namespace cedana
