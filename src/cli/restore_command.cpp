// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/restore.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/users.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/passphrase.hpp"
#include "cedana/cli/plans.hpp"
#include "cedana/cli/progress_json.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

struct LazyArguments {
    bool lazy = false;
    bool no_lazy = false;
    bool wait = false;
};

struct RestoreArguments {
    std::string checkpoint;
    PickArguments pick;
    bool dry_run = false;
    bool new_pid_namespace = false;
    bool force = false;
    bool truncate_grown = false;
    bool any_cpu = false;
    std::optional<std::string> clocks;
    bool tcp_close = false;
    bool foreground = false;
    std::optional<std::filesystem::path> output;
    std::optional<std::filesystem::path> pid_file;
    std::optional<int> given_ends;
    std::optional<std::int64_t> into;
    LazyArguments lazy;
    bool verify = false;
    std::optional<std::string> container_name;
    std::vector<std::string> allowed_mounts;
    std::optional<std::string> volumes;
    std::optional<std::string> create;
    std::vector<std::string> criu_arguments;
    PassphraseArguments passphrase;
};

ExistingVolumes existing_volumes(const std::optional<std::string>& how) {
    if (!how || how == "keep")
        return ExistingVolumes::keep;
    if (how == "overwrite")
        return ExistingVolumes::overwrite;
    throw Error(Fault::usage, fmt::format("--volumes is keep or overwrite, not {}", printable(*how)));
}

RestoredClocks restored_clocks(const std::optional<std::string>& which) {
    if (!which || *which == "own")
        return RestoredClocks::own;
    if (*which == "host")
        return RestoredClocks::of_host;
    if (*which == "auto")
        return RestoredClocks::of_host_if_ahead;
    throw Error(Fault::usage, fmt::format("--clocks is own, host or auto, not {}", printable(*which)));
}

Json to_json(const std::vector<RestoredFile>& files) {
    Json json = Json::array();
    for (const RestoredFile& file : files)
        json.push_back(
            {{"path", file.path}, {"action", name_of(file.action)}, {"backup", text_or_null(file.backup.string())}});
    return json;
}

Json to_json(const std::optional<LazyPart>& lazy) {
    if (!lazy)
        return nullptr;
    return {{"bytes_lazy", lazy->bytes_lazy}, {"bytes_eager", lazy->bytes_eager}, {"keeper", lazy->keeper}};
}

void refuse_beside_foreground(const RestoreArguments& arguments, const CommonArguments& common) {
    if (!arguments.foreground)
        return;
    if (!arguments.dry_run && common.format == Format::json)
        throw Error(Fault::usage, "--foreground leaves the output to the program, so there is no place for --json")
            .hint("leave one of them out");
    if (arguments.lazy.wait)
        throw Error(Fault::usage,
                    "--foreground stays until the program ends, so there is nothing for --wait to wait for")
            .hint("leave one of them out");
}

LoadedConfig config_of(const RestoreArguments& arguments, const CommonArguments& common) {
    LoadedConfig config = load_config_for(common, arguments.dry_run ? FirstUse::leaves_nothing : FirstUse::makes_file);
    append_criu_arguments(config, arguments.criu_arguments);
    // CRIU compares the state of the floating point unit (criu/arch/x86/crtools.c).
    if (arguments.any_cpu)
        config.values.criu_extra_args.emplace_back("--cpu-cap=none");
    if (arguments.tcp_close)
        config.values.criu_extra_args.emplace_back("--tcp-close");
    if (arguments.lazy.lazy)
        config.set_from_flag("client.lazy_restore", "--lazy", "true");
    if (arguments.lazy.no_lazy)
        config.set_from_flag("client.lazy_restore", "--no-lazy", "false");
    return config;
}

RestoreRequest request_of(const RestoreArguments& arguments, const LoadedConfig& config, const Keyring& keyring,
                          const std::filesystem::path& checkpoint, Format format) {
    return {.checkpoint = checkpoint,
            .config = config.values,
            .keyring = keyring,
            .new_pid_namespace = arguments.new_pid_namespace,
            .beside_original = arguments.new_pid_namespace,
            .files = {.force = arguments.force,
                      .truncate_grown = arguments.truncate_grown,
                      .root = arguments.into ? fmt::format("/proc/{}/root", *arguments.into) : std::string("/"),
                      .root_is_of_unit = arguments.into.has_value()},
            .attendance = arguments.foreground ? Attendance::foreground : Attendance::detached,
            .may_stay = format != Format::json && !arguments.lazy.wait,
            .output = arguments.output,
            .pid_file = arguments.pid_file,
            .given_ends = arguments.given_ends,
            .caller = config.caller,
            // A copy beside the original cannot be lazy, which only a flag asks for in so many words.
            .lazy = config.values.client_lazy_restore && (arguments.lazy.lazy || !arguments.new_pid_namespace),
            .clocks = restored_clocks(arguments.clocks),
            .any_cpu = arguments.any_cpu,
            .wait = arguments.lazy.wait,
            .verify = arguments.verify,
            .container_name = arguments.container_name,
            .create =
                arguments.create ? std::optional(containers::parse_create_order(*arguments.create)) : std::nullopt,
            .allowed_mounts = {arguments.allowed_mounts.begin(), arguments.allowed_mounts.end()},
            .existing_volumes = existing_volumes(arguments.volumes),
            .into = arguments.into ? std::optional(static_cast<pid_t>(*arguments.into)) : std::nullopt};
}

void run(const RestoreArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    refuse_beside_foreground(arguments, common);
    const LoadedConfig config = config_of(arguments, common);
    // Before a checkpoint is looked for, which a user may not be able to read.
    require_root(arguments.dry_run ? "look into processes" : "restore processes");
    const Keyring keyring = keyring_of(config.values, arguments.passphrase, interrupt);
    const auto checkpoint =
        pick_checkpoint(arguments.checkpoint, config.values, keyring, interrupt, rules_of(arguments.pick));
    if (checkpoint != arguments.checkpoint)
        common.say(fmt::format("taking {}", printable(checkpoint.string())));
    const RestoreRequest request = request_of(arguments, config, keyring, checkpoint, common.format);
    if (arguments.dry_run)
        return show_plan(plan_restore(request, interrupt), common.format);
    const RestoreResult result = [&] {
        const auto progress = make_progress(common);
        return restore(request, interrupt, *progress);
    }();
    // The output is the program's.
    if (result.exit_code)
        throw EndAsProgram{*result.exit_code};
    if (common.format == Format::json)
        print_json_result({{"checkpoint", result.checkpoint.string()},
                           {"pid", result.pid},
                           {"container_id", result.container ? Json(*result.container) : Json(nullptr)},
                           {"seconds", result.seconds},
                           {"bytes_images", result.bytes_images},
                           {"timings", timings_json(result.phases)},
                           {"files", to_json(result.files)},
                           {"lazy", to_json(result.lazy)}});
    else
        print_result(result.container.value_or(std::to_string(result.pid)));
}

} // namespace

Command restore_command() {
    const auto arguments = std::make_shared<RestoreArguments>();
    std::vector<Option> options = {
        {.names = {"CHECKPOINT"},
         .meaning = "its path; or `latest`, a name or a pid, for the newest of these in the store",
         .target = &arguments->checkpoint,
         .required = true,
         .complete = Complete::checkpoints_or_latest},
        {.names = {"--dry-run"},
         .meaning = "say what would be done or refused; change nothing",
         .target = &arguments->dry_run},
        {.names = {"--new-pidns"},
         .meaning = "restore into a new pid namespace, beside the original",
         .target = &arguments->new_pid_namespace},
        {.names = {"--foreground"},
         .meaning = "stay with it: pass signals on, give it this terminal's keys, and exit with its exit code",
         .target = &arguments->foreground},
        {.names = {"--stdio"},
         .value = "FILE",
         .meaning = "append its output to FILE, where that went to a terminal or a pipe to another program (default "
                    "for a terminal that is not here: /var/log/cedana/NAME.out, NAME being the checkpoint's)",
         .target = &arguments->output,
         .complete = Complete::files},
        {.names = {"--pid-file"},
         .value = "FILE",
         .meaning = "write its pid into FILE, once it runs",
         .target = &arguments->pid_file,
         .complete = Complete::files},
        {.names = {"--given-ends"},
         .value = "FD",
         .meaning = "join its pipes to descriptors FD to FD+2, whose other ends somebody holds, in place of 0 to 2",
         .target = &arguments->given_ends,
         .hidden = true},
        {.names = {"--into"},
         .value = "PID",
         .meaning = "bring it back among the mounts of process PID, which stands in its unit's place (cedana unit)",
         .target = &arguments->into,
         .complete = Complete::pids,
         .excludes = "--new-pidns"},
        {.names = {"--lazy"},
         .meaning = "let the tree run at once; its memory comes on demand (default: client.lazy_restore)",
         .target = &arguments->lazy.lazy},
        {.names = {"--no-lazy"},
         .meaning = "let it run once all of its memory is there",
         .target = &arguments->lazy.no_lazy,
         .excludes = "--lazy"},
        {.names = {"--wait"},
         .meaning = "after --lazy: return only when all memory is in place",
         .target = &arguments->lazy.wait},
        {.names = {"--verify"},
         .meaning = "compare the digest of all that is in the checkpoint first",
         .target = &arguments->verify},
        {.names = {"--as"},
         .value = "NAME",
         .meaning = "a new name for a container, which may then run beside the original",
         .target = &arguments->container_name},
        {.names = {"--create"},
         .value = "ORDER",
         .meaning = "for cedana-runtime: bring the container back in place of the one that is to be made",
         .target = &arguments->create,
         .hidden = true},
        {.names = {"--allow-mount"},
         .value = "PATH",
         .meaning = "this of the host may be mounted in the container of a checkpoint that nobody has signed",
         .target = &arguments->allowed_mounts,
         .complete = Complete::files},
        {.names = {"--volumes"},
         .value = "HOW",
         .meaning = "what becomes of a container's volumes that are here: keep them, or overwrite them with what the "
                    "checkpoint holds (default: keep)",
         .target = &arguments->volumes,
         .complete = Complete::choices,
         .choices = {"keep", "overwrite"}},
        criu_argument_option(arguments->criu_arguments)};
    std::ranges::move(pick_options(arguments->pick), std::back_inserter(options));
    std::ranges::move(passphrase_options(arguments->passphrase, PassphraseFor::decrypting),
                      std::back_inserter(options));
    options.push_back({.names = {"--any-cpu"},
                       .meaning = "bring it back though this CPU lacks instructions of the one that it ran on; a "
                                  "program that uses them ends then",
                       .target = &arguments->any_cpu});
    options.push_back({.names = {"--clocks"},
                       .value = "WHICH",
                       .meaning = "what its monotonic clock and that of the time since the boot show: own, they go on "
                                  "from where they stood, in a time namespace of its own; host, those of this host, "
                                  "which are ahead, so that it can be dumped together with what has started it; auto, "
                                  "those where they are ahead (default: own)",
                       .target = &arguments->clocks,
                       .complete = Complete::choices,
                       .choices = {"own", "host", "auto"}});
    options.push_back({.names = {"--tcp-close"},
                       .meaning =
                           "close the TCP connections that it had open, which the other end has given up or must "
                           "not go on with",
                       .target = &arguments->tcp_close});
    options.push_back({.names = {"--force"},
                       .meaning = "put files back even if another process has them open for writing",
                       .target = &arguments->force});
    options.push_back(
        {.names = {"--truncate-grown"},
         .meaning = "cut files that were too large for the checkpoint and have grown, keeping what was added",
         .target = &arguments->truncate_grown});
    return {.name = "restore",
            .summary = "bring a process tree back from a checkpoint",
            .options = std::move(options),
            .examples = {"sudo cedana client restore /var/checkpoints/redis-server_20261122T164510Z.zip",
                         "sudo cedana client restore latest", "sudo cedana client restore train.py"},
            .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
                run(*arguments, common, interrupt);
            }};
}

} // namespace cedana
