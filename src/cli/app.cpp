// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/app.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/log.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/criu/keeper.hpp"
#include "cedana/criu/pid_namespace.hpp"
#include "cedana/version.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

struct Arguments {
    CommonArguments common;
    bool json = false;
    bool quiet = false;
    bool verbose = false;
};

void set_up(CLI::App& app, Arguments& arguments, Command& chosen) {
    app.set_version_flag("--version", std::string("cedana ") + k_version);
    app.add_option("--config", arguments.common.config_file, "config file (default: ~/.cedana/cedana_config.json)")
        ->type_name("FILE");
    app.add_flag("--json", arguments.json, "print the result as one JSON object");
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
    add_find(*client, chosen);
    add_check(app, chosen);
    add_config(app, chosen);
    // Options of the program may stand behind a command too: `cedana client dump -p 1 --json`.
    for (CLI::App* group : app.get_subcommands({})) {
        group->fallthrough();
        for (CLI::App* command : group->get_subcommands({}))
            command->fallthrough();
    }
}

// CLI11 says of a command that it does not know only that one is required. Empty if no command was given.
std::string unknown_command(const CLI::App& app) {
    const CLI::App* group = &app;
    while (!group->get_subcommands().empty())
        group = group->get_subcommands().front();
    std::vector<std::string> known;
    for (const CLI::App* command : group->get_subcommands({}))
        known.push_back(command->get_name());
    const std::vector<std::string> words = app.remaining(true);
    if (known.empty() || words.empty() || words.front().starts_with('-'))
        return {};
    const std::string near = nearest(words.front(), known);
    return fmt::format("there is no command '{}'{}", printable(words.front()),
                       near.empty() ? "" : fmt::format("; did you mean {}?", near));
}

int refuse(const CLI::App& app, const CLI::ParseError& error) {
    if (error.get_exit_code() == 0)
        return app.exit(error);
    const std::string unknown = unknown_command(app);
    Error told(Fault::usage, unknown.empty() ? error.what() : unknown);
    std::fputs(
        error_text(told.hint("cedana --help lists the commands, and --help behind a command its options")).c_str(),
        stderr);
    return static_cast<int>(Fault::usage);
}

int run_chosen(const Command& chosen, const CommonArguments& common) {
    try {
        const Interrupt interrupt = Interrupt::install();
        chosen(common, interrupt);
        return 0;
    } catch (const EndAsProgram& end) {
        return end.exit_code;
    } catch (const Error& error) {
        std::fputs(error_text(error).c_str(), stderr);
        return static_cast<int>(error.fault());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: internal fault: %s\n", error.what());
        return static_cast<int>(Fault::internal);
    }
}

} // namespace

int run_command_line(int argc, char** argv) {
    if (std::getenv(criu::k_keeper) != nullptr)
        return criu::run_keeper(argv);
    if (std::getenv(criu::k_namespace_keeper) != nullptr)
        return criu::run_in_new_pid_namespace(argv);
    CLI::App app("Checkpoint and restore of Linux processes.", "cedana");
    Arguments arguments;
    Command chosen;
    set_up(app, arguments, chosen);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return refuse(app, error);
    }
    arguments.common.format = arguments.json ? Format::json : Format::text;
    arguments.common.verbosity = arguments.verbose ? Verbosity::verbose
                                 : arguments.quiet ? Verbosity::quiet
                                                   : Verbosity::normal;
    set_up_log(arguments.common.verbosity);
    return run_chosen(chosen, arguments.common);
}

} // namespace cedana
