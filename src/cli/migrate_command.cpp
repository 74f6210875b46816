// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/migrate.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/base/users.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/consent.hpp"
#include "cedana/cli/failure.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/progress_json.hpp"
#include "cedana/process/find.hpp"

#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

struct MigrateArguments {
    std::string target;
    std::string host;
    std::optional<std::filesystem::path> folder;
    std::string ssh = "ssh";
    std::vector<std::filesystem::path> with_files;
    bool sudo = false;
    bool lazy = false;
    bool pre_copy = false;
    bool new_pid_namespace = false;
    bool yes = false;
    bool dry_run = false;
};

Json errors_json(const std::vector<Error>& errors) {
    Json json = Json::array();
    for (const Error& error : errors)
        json.push_back(to_json(error));
    return json;
}

Json to_json(const MigrationPlan& plan) {
    return {{"host", plan.host},
            {"cedana_version", plan.cedana_version},
            {"name", plan.name},
            {"pid", plan.pid},
            {"bytes_images", plan.bytes_images},
            {"connections", plan.connections},
            {"refusals", errors_json(plan.refusals_here)},
            {"refusals_there", errors_json(plan.refusals_there)}};
}

Json to_json(const MigrateResult& result) {
    return {{"host", result.host},
            {"pid", result.pid},
            {"name", result.name},
            {"checkpoint", result.checkpoint.string()},
            {"seconds", result.seconds},
            {"downtime_seconds", result.downtime_seconds},
            {"bytes_images", result.bytes_images},
            {"bytes_sent", result.bytes_sent},
            {"bytes_ahead", result.bytes_ahead},
            {"bytes_on_demand", result.bytes_on_demand},
            {"timings", timings_json(result.phases)}};
}

void print_reasons(const std::string& title, std::span<const Error> errors) {
    if (errors.empty())
        return;
    print_line(title);
    for (const Error& error : errors)
        for (const std::string& line : reason_lines(error))
            print_text("  " + line, 4);
}

// It ends as the migration would.
void show(const MigrationPlan& plan, Format format) {
    if (format == Format::text) {
        print_text(fmt::format("{} (pid {}, {} of memory) would go to {} (cedana {}) and end here",
                               printable(plan.name), plan.pid, human_bytes(plan.bytes_images), plan.host,
                               plan.cedana_version),
                   2);
        for (const std::string& connection : plan.connections)
            print_text(fmt::format("the connection {} ends unless its address moves too", printable(connection)), 2);
        print_reasons("it would be refused here:", plan.refusals_here);
        print_reasons("it would be refused there:", plan.refusals_there);
    }
    if (!plan.refusals_here.empty())
        throw FailedWithResult{plan.refusals_here.front(), to_json(plan)};
    if (!plan.refusals_there.empty())
        throw FailedWithResult{plan.refusals_there.front(), to_json(plan)};
    if (format == Format::json)
        print_json(to_json(plan));
}

void name_process(DumpRequest& request, const MigrateArguments& arguments, const Interrupt& interrupt) {
    std::int64_t number = 0;
    if (!parse_number(arguments.target, number)) {
        request.name = arguments.target;
        if (!arguments.yes && !arguments.dry_run)
            request.found = [&arguments, &interrupt](const FindResult& found) {
                if (found.winner && found.winner->match.fit != Fit::near)
                    require_consent(fmt::format("migrate {} (pid {}: {}) to {}, and end it here?",
                                                printable(found.winner->comm), found.winner->id.pid,
                                                printable(found.winner->command_line), printable(arguments.host)),
                                    interrupt);
            };
        return;
    }
    if (number < 1 || number > std::numeric_limits<pid_t>::max())
        throw Error(Fault::usage, fmt::format("{} is not a pid", number));
    request.pid = static_cast<pid_t>(number);
}

std::string while_it_ran(const MigrateResult& result) {
    if (result.bytes_on_demand != 0)
        return fmt::format(" ({} of it while it ran there)", human_bytes(result.bytes_on_demand));
    if (result.bytes_ahead != 0)
        return fmt::format(" ({} of it while it ran here)", human_bytes(result.bytes_ahead));
    return "";
}

void run(const MigrateArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    if (arguments.lazy && arguments.pre_copy)
        throw Error(Fault::usage, "--pre-copy sends the memory before the program runs there, and --lazy after that")
            .hint("leave one of them out");
    LoadedConfig config = load_config_for(common, arguments.dry_run ? FirstUse::leaves_nothing : FirstUse::makes_file);
    config.set_from_flag("client.leave_running", "client migrate", "false");
    require_root(arguments.dry_run ? "look into processes" : "dump processes");
    MigrateRequest request{.dump = {.pid = {}, .name = {}, .folder = arguments.folder, .config = config.values},
                           .ssh = {.host = arguments.host, .ssh = arguments.ssh, .sudo = arguments.sudo},
                           .lazy = arguments.lazy,
                           .pre_copy = arguments.pre_copy,
                           .new_pid_namespace = arguments.new_pid_namespace};
    request.dump.caller = config.caller;
    request.dump.with_files = arguments.with_files;
    name_process(request.dump, arguments, interrupt);
    require_places(config, arguments.folder);
    if (arguments.dry_run)
        return show(plan_migration(request, interrupt), common.format);
    request.dump.end_at_once = [&](const Error& error) { ::_exit(fail(error, common.format)); };
    const MigrateResult result = [&] {
        const auto progress = make_progress(common);
        return migrate(request, interrupt, *progress);
    }();
    common.say(fmt::format("{} sent in {}{}, and it stood still for {}; the checkpoint here: {}",
                           human_bytes(result.bytes_sent), human_seconds(result.seconds), while_it_ran(result),
                           human_seconds(result.downtime_seconds), printable(result.checkpoint.string())));
    if (common.format == Format::json)
        print_json_result(to_json(result));
    else
        print_result(fmt::format("{} {}", result.host, result.pid));
}

} // namespace

Command migrate_command() {
    const auto arguments = std::make_shared<MigrateArguments>();
    return {
        .name = "migrate",
        .summary = "move a process tree to another host by ssh",
        .options = {{.names = {"TARGET"},
                     .meaning = "a pid, or a name",
                     .target = &arguments->target,
                     .required = true,
                     .complete = Complete::pids},
                    {.names = {"HOST"},
                     .meaning = "the other host, as ssh takes it; cedana is installed there",
                     .target = &arguments->host,
                     .required = true},
                    {.names = {"--sudo"},
                     .meaning = "run cedana there by sudo, which must ask for no password",
                     .target = &arguments->sudo},
                    {.names = {"--ssh"},
                     .value = "CMD",
                     .meaning = "ssh with options of its own: \"ssh -p 2222\" (default: ssh)",
                     .target = &arguments->ssh},
                    {.names = {"--lazy"},
                     .meaning = "let it run there at once: its memory follows, and comes on demand",
                     .target = &arguments->lazy},
                    {.names = {"--pre-copy"},
                     .meaning = "send its memory while it runs; then only what changed while it stands still",
                     .target = &arguments->pre_copy},
                    {.names = {"--new-pidns"},
                     .meaning = "there in a new pid namespace, whoever has its pids",
                     .target = &arguments->new_pid_namespace},
                    {.names = {"--with-files"},
                     .value = "PATH",
                     .meaning = "a file, or a folder with all in it, that is put there first",
                     .target = &arguments->with_files,
                     .complete = Complete::files},
                    {.names = {"-d", "--dir"},
                     .value = "DIR",
                     .meaning = "folder for the checkpoint that is kept here (default: as of client dump)",
                     .target = &arguments->folder,
                     .complete = Complete::folders},
                    {.names = {"-y", "--yes"},
                     .meaning = "move what a name means without asking on the terminal",
                     .target = &arguments->yes},
                    {.names = {"--dry-run"},
                     .meaning = "ask both hosts whether it could be moved; touch nothing",
                     .target = &arguments->dry_run}},
        .examples = {"sudo cedana client migrate 4242 root@beta", "sudo cedana client migrate train.py beta --sudo"},
        .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
            run(*arguments, common, interrupt);
        }};
}

} // namespace cedana
