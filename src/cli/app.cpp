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
#include "cedana/cli/terminal.hpp"
#include "cedana/criu/keeper.hpp"
#include "cedana/criu/pid_namespace.hpp"
#include "cedana/criu/restore_guard.hpp"
#include "cedana/model/caller.hpp"
#include "cedana/version.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

constexpr const char* k_summary = "checkpoint and restore Linux processes";

struct Arguments {
    CommonArguments common;
    bool json = false;
    std::string progress = "auto";
    bool quiet = false;
    bool verbose = false;
};

const CLI::App* root_of(const CLI::App* app) {
    while (app->get_parent() != nullptr)
        app = app->get_parent();
    return app;
}

std::string print_help(const CLI::App* app);

void set_up(CLI::App& app, Arguments& arguments, Command& chosen) {
    // Commands take it over when they are added.
    app.formatter_fn(
        [](const CLI::App* command, const std::string&, CLI::AppFormatMode) { return print_help(command); });
    app.set_help_flag("-h,--help", "what a command does, its options and an example");
    app.set_version_flag("--version", std::string("cedana ") + k_version, "print the version");
    app.add_option("--config", arguments.common.config_file, "config file (default: ~/.cedana/cedana_config.json)")
        ->type_name("FILE");
    app.add_flag("--json", arguments.json, "print the result as one JSON object");
    app.add_option("--progress", arguments.progress, "how far a long operation is: auto, none or json (on stderr)")
        ->type_name("FORM");
    app.add_flag("-q,--quiet", arguments.quiet, "no warnings");
    app.add_flag("-v,--verbose", arguments.verbose, "say more about what is done");
    app.require_subcommand(1);
    CLI::App* client = app.add_subcommand("client", "checkpoint and restore processes");
    client->require_subcommand(1);
    add_dump(*client, chosen);
    add_restore(*client, chosen);
    add_verify(*client, chosen);
    add_list(*client, chosen);
    add_inspect(*client, chosen);
    add_prune(*client, chosen);
    add_sign(*client, chosen);
    add_find(*client, chosen);
    add_check(app, chosen);
    add_config(app, chosen);
    add_completion(app, chosen);
    // Options of the program may stand behind a command too: `cedana client dump -p 1 --json`.
    for (CLI::App* group : app.get_subcommands({})) {
        group->fallthrough();
        for (CLI::App* command : group->get_subcommands({}))
            command->fallthrough();
    }
}

std::string print_help(const CLI::App* app) {
    const std::vector<CommandText> all = describe_commands(*root_of(app));
    const std::size_t width = terminal_width(STDOUT_FILENO);
    return app->get_parent() == nullptr ? program_help(all, width) : help_text(describe_command(*app), all, width);
}

// The innermost command that was given.
const CLI::App& given(const CLI::App& app) {
    const CLI::App* command = &app;
    while (!command->get_subcommands().empty())
        command = command->get_subcommands().front();
    return *command;
}

std::string meant(std::string_view kind, const std::string& word, const std::vector<std::string>& known) {
    const std::string near = nearest(word, known);
    return fmt::format("there is no {} '{}'{}", kind, printable(word),
                       near.empty() ? "" : fmt::format("; did you mean {}?", near));
}

// CLI11 says of a command that it does not know only that one is required. Empty if no command was given.
std::string unknown_command(const CLI::App& app) {
    const CLI::App& command = given(app);
    std::vector<std::string> known;
    for (const CLI::App* inner : command.get_subcommands([](const CLI::App*) { return true; }))
        known.push_back(inner->get_name());
    const std::vector<std::string> words = app.remaining(true);
    if (known.empty() || words.empty() || words.front().starts_with('-'))
        return {};
    return meant("command", words.front(), known);
}

// Empty if every option is known.
std::string unknown_option(const CLI::App& app) {
    std::vector<std::string> known;
    for (const CLI::App* command : {&given(app), &app})
        for (const OptionText& option : describe_command(*command).options)
            if (!option.positional)
                known.insert(known.end(), option.names.begin(), option.names.end());
    for (const std::string& word : app.remaining(true))
        if (word.starts_with('-') && word != "--")
            return meant("option", word.substr(0, word.find('=')), known);
    return {};
}

// What could not be parsed may stand before it.
bool asks_for_json(const std::vector<std::string>& words) {
    const auto end = std::ranges::find(words, "--");
    return std::any_of(words.begin(), end, [](const std::string& word) { return word == "--json"; });
}

int refuse(const CLI::App& app, const CLI::ParseError& error, Format format) {
    if (format == Format::json && dynamic_cast<const CLI::CallForVersion*>(&error) != nullptr) {
        print_json({{"version", k_version}});
        return 0;
    }
    if (error.get_exit_code() == 0)
        return app.exit(error);
    std::string message = unknown_command(app);
    if (message.empty())
        message = unknown_option(app);
    Error told(Fault::usage, message.empty() ? error.what() : message);
    const std::string path = describe_command(given(app)).path;
    return fail(told.hint(fmt::format("{} --help", path)), format);
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

int run_chosen(const Command& chosen, const CommonArguments& common) {
    try {
        const Interrupt interrupt = Interrupt::install();
        chosen(common, interrupt);
        return 0;
    } catch (const EndAsProgram& end) {
        return end.exit_code;
    } catch (const ReaderGone&) {
        // What a shell sees of a program that SIGPIPE has ended.
        return 128 + SIGPIPE;
    } catch (const FailedWithResult& failed) {
        return fail(failed.error, common.format, failed.result);
    } catch (const Error& error) {
        return fail(error, common.format);
    } catch (const std::exception& error) {
        return fail(Error(Fault::internal, fmt::format("internal fault: {}", error.what())), common.format);
    }
}

} // namespace

std::string manual_page(std::string_view name) {
    CLI::App app(k_summary, "cedana");
    Arguments arguments;
    Command chosen;
    set_up(app, arguments, chosen);
    if (name == "cedana.1")
        return commands_manual(describe_commands(app));
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
    CLI::App app(k_summary, "cedana");
    Arguments arguments;
    Command chosen;
    set_up(app, arguments, chosen);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
        return refuse(app, error, asks_for_json(words) ? Format::json : Format::text);
    }
    arguments.common.format = arguments.json ? Format::json : Format::text;
    const auto progress = progress_form(arguments.progress);
    if (!progress)
        return fail(Error(Fault::usage, fmt::format("--progress {} is no form", arguments.progress))
                        .hint("one of auto, none, json"),
                    arguments.common.format);
    arguments.common.progress = *progress;
    arguments.common.verbosity = arguments.verbose ? Verbosity::verbose
                                 : arguments.quiet ? Verbosity::quiet
                                                   : Verbosity::normal;
    set_up_log(arguments.common.verbosity);
    return run_chosen(chosen, arguments.common);
}

} // namespace cedana
