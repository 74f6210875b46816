// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/app.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/log.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/criu/action_script.hpp"
#include "cedana/criu/pid_namespace.hpp"
#include "cedana/version.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

struct Arguments {
    CommonArguments common;
    DumpArguments dump;
    RestoreArguments restore;
    std::string find_name;
    bool json = false;
    bool quiet = false;
    bool verbose = false;
    bool leave_running = false;
    bool stop = false;
};

// The command that was given, to be run after parsing.
using Chosen = std::function<void(const Interrupt&)>;

void add_dump(CLI::App& client, Arguments& arguments, Chosen& chosen) {
    CLI::App* dump = client.add_subcommand("dump", "checkpoint a process tree into DIR/NAME_DATETIME.zip");
    auto* pid = dump->add_option("-p,--pid", arguments.dump.pid, "root process of the tree")->type_name("PID");
    dump->add_option("-n,--name", arguments.dump.name, "find the process by name (default: client.process_name)")
        ->type_name("NAME")
        ->excludes(pid);
    dump->add_option("-d,--dir", arguments.dump.folder,
                     "folder for the checkpoint (default: shared_storage.dump_storage_dir)")
        ->type_name("DIR");
    auto* leave = dump->add_flag("--leave-running", arguments.leave_running, "keep the tree running after the dump");
    dump->add_flag("--stop", arguments.stop, "end the tree once the checkpoint is on the disk")->excludes(leave);
    dump->add_option("--criu-arg", arguments.dump.criu_arguments, "one more argument for CRIU: --criu-arg=--ARG")
        ->type_name("ARG")
        ->expected(1)
        ->take_all();
    dump->callback([&] {
        if (arguments.leave_running || arguments.stop)
            arguments.dump.leave_running = arguments.leave_running;
        chosen = [&](const Interrupt& interrupt) { dump_command(arguments.common, arguments.dump, interrupt); };
    });
    dump->add_flag("--dry-run", arguments.dump.dry_run, "say what would be done or refused; touch nothing");
    dump->footer("example: sudo cedana client dump -p 4242 -d /var/checkpoints");
}

void add_restore(CLI::App& client, Arguments& arguments, Chosen& chosen) {
    CLI::App* restore = client.add_subcommand("restore", "bring a process tree back from a checkpoint");
    restore->add_option("ZIP", arguments.restore.checkpoint, "the checkpoint")->required();
    restore->add_flag("--dry-run", arguments.restore.dry_run, "say what would be done or refused; change nothing");
    restore->add_flag("--new-pidns", arguments.restore.new_pid_namespace,
                      "restore into a new pid namespace, beside the original");
    restore->add_option("--criu-arg", arguments.restore.criu_arguments, "one more argument for CRIU: --criu-arg=--ARG")
        ->type_name("ARG")
        ->expected(1)
        ->take_all();
    restore->add_flag("--force", arguments.restore.force,
                      "put files back even if another process has them open for writing");
    restore->add_flag("--truncate-grown", arguments.restore.truncate_grown,
                      "cut files that were too large for the checkpoint and have grown, keeping what was added");
    restore->callback([&] {
        chosen = [&](const Interrupt& interrupt) { restore_command(arguments.common, arguments.restore, interrupt); };
    });
    restore->footer("example: sudo cedana client restore /var/checkpoints/redis-server_20261122T164510Z.zip");
}

void add_find(CLI::App& client, Arguments& arguments, Chosen& chosen) {
    CLI::App* find = client.add_subcommand("find", "show what a name resolves to; dumps nothing");
    find->add_option("NAME", arguments.find_name, "a program, a script or part of a command line")->required();
    find->callback([&] { chosen = [&](const Interrupt&) { find_command(arguments.common, arguments.find_name); }; });
    find->footer("example: sudo cedana client find 'jupyter notebook'");
}

void add_config(CLI::App& app, Arguments& arguments, Chosen& chosen) {
    CLI::App* config = app.add_subcommand("config", "show the settings and where each comes from");
    config->require_subcommand(1);
    config->add_subcommand("show", "every setting, its value and where it comes from")->callback([&] {
        chosen = [&](const Interrupt&) { config_show_command(arguments.common); };
    });
    config->add_subcommand("init", "create the config file with the defaults")->callback([&] {
        chosen = [](const Interrupt&) { config_init_command(); };
    });
    config->add_subcommand("path", "print where the config file is")->callback([&] {
        chosen = [&](const Interrupt&) { config_path_command(arguments.common); };
    });
}

void set_up(CLI::App& app, Arguments& arguments, Chosen& chosen) {
    app.set_version_flag("--version", std::string("cedana ") + k_version);
    app.add_option("--config", arguments.common.config_file, "config file (default: ~/.cedana/cedana_config.json)")
        ->type_name("FILE");
    app.add_flag("--json", arguments.json, "print the result as one JSON object");
    app.add_flag("-q,--quiet", arguments.quiet, "no warnings");
    app.add_flag("-v,--verbose", arguments.verbose, "say more about what is done");
    app.require_subcommand(1);
    CLI::App* client = app.add_subcommand("client", "checkpoint and restore processes");
    client->require_subcommand(1);
    add_dump(*client, arguments, chosen);
    add_restore(*client, arguments, chosen);
    add_find(*client, arguments, chosen);
    add_config(app, arguments, chosen);
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

int run_chosen(const Chosen& chosen) {
    try {
        const Interrupt interrupt = Interrupt::install();
        chosen(interrupt);
        return 0;
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
    if (std::getenv(criu::k_action_socket) != nullptr)
        return criu::run_action_script();
    if (std::getenv(criu::k_namespace_keeper) != nullptr)
        return criu::run_in_new_pid_namespace(argv);
    CLI::App app("Checkpoint and restore of Linux processes.", "cedana");
    Arguments arguments;
    Chosen chosen;
    set_up(app, arguments, chosen);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return refuse(app, error);
    }
    arguments.common.format = arguments.json ? Format::json : Format::text;
    set_up_log(arguments.verbose ? Verbosity::verbose : arguments.quiet ? Verbosity::quiet : Verbosity::normal);
    return run_chosen(chosen);
}

} // namespace cedana
