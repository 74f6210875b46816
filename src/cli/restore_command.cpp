// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/pick_checkpoint.hpp"
#include "cedana/action/restore.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/plans.hpp"
#include "cedana/cli/progress_line.hpp"

#include <memory>
#include <optional>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

struct RestoreArguments {
    std::string checkpoint;
    std::optional<std::filesystem::path> store;
    bool dry_run = false;
    bool new_pid_namespace = false;
    bool force = false;
    bool truncate_grown = false;
    bool foreground = false;
    std::optional<std::filesystem::path> output;
    std::vector<std::string> criu_arguments;
};

Json to_json(const std::vector<RestoredFile>& files) {
    Json json = Json::array();
    for (const RestoredFile& file : files)
        json.push_back({{"path", file.path},
                        {"action", name_of(file.action)},
                        {"backup", file.backup.empty() ? Json(nullptr) : Json(file.backup.string())}});
    return json;
}

void run(const RestoreArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    if (arguments.foreground && !arguments.dry_run && common.format == Format::json)
        throw Error(Fault::usage, "--foreground leaves the output to the program, so there is no place for --json")
            .hint("leave one of them out");
    LoadedConfig config = load_config_for(common);
    append_criu_arguments(config.values, arguments.criu_arguments);
    const auto checkpoint = pick_checkpoint(arguments.checkpoint, arguments.store, config.values, interrupt);
    if (checkpoint != arguments.checkpoint)
        common.say(fmt::format("taking {}", printable(checkpoint.string())));
    const RestoreRequest request{.checkpoint = checkpoint,
                                 .config = config.values,
                                 .new_pid_namespace = arguments.new_pid_namespace,
                                 .files = {.force = arguments.force, .truncate_grown = arguments.truncate_grown},
                                 .attendance = arguments.foreground ? Attendance::foreground : Attendance::detached,
                                 .output = arguments.output};
    if (arguments.dry_run)
        return show_plan(plan_restore(request, interrupt), common.format);
    const RestoreResult result = [&] {
        ProgressLine progress(STDERR_FILENO, common.verbosity);
        return restore(request, interrupt, progress);
    }();
    // The output is the program's.
    if (result.exit_code)
        throw EndAsProgram{*result.exit_code};
    if (common.format == Format::json)
        print_json({{"checkpoint", result.checkpoint.string()},
                    {"pid", result.pid},
                    {"seconds", result.seconds},
                    {"bytes_images", result.bytes_images},
                    {"phases", result.phases},
                    {"files", to_json(result.files)}});
    else
        print_line(std::to_string(result.pid));
}

} // namespace

void add_restore(CLI::App& parent, Command& chosen) {
    CLI::App* restore = parent.add_subcommand("restore", "bring a process tree back from a checkpoint");
    const auto arguments = std::make_shared<RestoreArguments>();
    restore
        ->add_option("CHECKPOINT", arguments->checkpoint,
                     "its path; or `latest`, a program's name or a pid, for the newest of these in the store")
        ->required();
    restore
        ->add_option("-d,--dir", arguments->store,
                     "the store (default: shared_storage.mount_point, else dump_storage_dir)")
        ->type_name("STORE");
    restore->add_flag("--dry-run", arguments->dry_run, "say what would be done or refused; change nothing");
    restore->add_flag("--new-pidns", arguments->new_pid_namespace,
                      "restore into a new pid namespace, beside the original");
    restore->add_flag("--foreground", arguments->foreground,
                      "stay with it: pass signals on, give it this terminal's keys, and exit with its exit code");
    restore
        ->add_option("--stdio", arguments->output,
                     "append its output to FILE, where that went to a terminal or a pipe to another program (default "
                     "for a terminal that is not here: the checkpoint's name with .out)")
        ->type_name("FILE");
    add_criu_argument_option(*restore, arguments->criu_arguments);
    restore->add_flag("--force", arguments->force, "put files back even if another process has them open for writing");
    restore->add_flag("--truncate-grown", arguments->truncate_grown,
                      "cut files that were too large for the checkpoint and have grown, keeping what was added");
    restore->footer("examples: sudo cedana client restore /var/checkpoints/redis-server_20261122T164510Z.zip\n"
                    "          sudo cedana client restore latest -d /var/checkpoints");
    restore->callback([arguments, &chosen] {
        chosen = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
            run(*arguments, common, interrupt);
        };
    });
}

} // namespace cedana
