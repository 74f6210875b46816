// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/dump.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/base/warned.hpp"
#include "cedana/cli/bar.hpp"
#include "cedana/cli/candidates.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/consent.hpp"
#include "cedana/cli/failure.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/passphrase.hpp"
#include "cedana/cli/plans.hpp"
#include "cedana/cli/progress_json.hpp"
#include "cedana/host/unit_process.hpp"
#include "cedana/job/metrics.hpp"
#include "cedana/process/procfs.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

struct DumpArguments {
    std::optional<std::string> target;
    std::optional<std::int64_t> pid;
    std::optional<std::string> name;
    std::optional<std::string> unit;
    std::optional<std::string> container;
    std::optional<std::string> engine;
    std::optional<std::string> volumes;
    std::optional<std::filesystem::path> folder;
    std::string label;
    std::string note;
    bool leave_running = false;
    bool stop = false;
    bool yes = false;
    bool prove = false;
    bool pre_copy = false;
    std::vector<std::string> criu_arguments;
    bool anyway = false;
    bool given_terminal = false;
    bool without_sandbox = false;
    bool dry_run = false;
    PassphraseArguments passphrase;
};

DumpedVolumes dumped_volumes(const std::optional<std::string>& which) {
    if (!which || which == "none")
        return DumpedVolumes::none;
    if (which == "named")
        return DumpedVolumes::named;
    throw Error(Fault::usage, fmt::format("--volumes is none or named, not {}", printable(*which)));
}

pid_t to_pid(std::int64_t number) {
    if (number < 1 || number > std::numeric_limits<pid_t>::max())
        throw Error(Fault::usage, fmt::format("{} is not a pid", number));
    return static_cast<pid_t>(number);
}

constexpr std::size_t k_longest_label = 100;
constexpr std::size_t k_longest_note = 4096;

std::string checked_text(std::string_view option, const std::string& text, std::size_t longest) {
    if (text.size() > longest)
        throw Error(Fault::usage, fmt::format("{} has {} bytes, and may have {}", option, text.size(), longest));
    if (printable(text) != text)
        throw Error(Fault::usage,
                    fmt::format("{} may hold no control characters, and must be UTF-8: {}", option, printable(text)));
    return text;
}

Json to_json(const DumpResult& result) {
    Json json = {{"checkpoint", result.checkpoint.string()},
                 {"pid", result.pid},
                 {"name", result.name},
                 {"seconds", result.seconds}};
    json["frozen_seconds"] = result.frozen_seconds ? Json(*result.frozen_seconds) : Json(nullptr);
    json["proof"] = to_json(result.proof);
    json["bytes_images"] = result.bytes_images;
    json["bytes_copied_ahead"] = result.bytes_copied_ahead;
    json["bytes_archive"] = result.bytes_archive;
    json["peak_memory_bytes"] = result.peak_memory_bytes;
    json["timings"] = timings_json(result.phases);
    json["cannot_be_restored"] = result.cannot_be_restored;
    json["sandbox_lost"] = result.sandbox_lost;
    return json;
}

// "2.2 MiB (21.2x) in 0.4 s, frozen for 36 ms", and a line about the proof
std::string summary_of(const DumpResult& result) {
    const double ratio = share(static_cast<double>(result.bytes_images), static_cast<double>(result.bytes_archive));
    std::string text =
        fmt::format("{} ({:.1f}x) in {}", human_bytes(result.bytes_archive), ratio, human_seconds(result.seconds));
    if (result.frozen_seconds)
        text += ", frozen for " + human_seconds(*result.frozen_seconds);
    if (result.bytes_copied_ahead > 0)
        text += fmt::format(" ({} were copied before)", human_bytes(result.bytes_copied_ahead));
    if (result.proof)
        text += fmt::format("\n{}", text_of(*result.proof));
    return text;
}

// Follows what a name leads to.
class NameWatch {
  public:
    NameWatch(const Config& config, const CommonArguments& common) : config_(config), common_(common) {}

    // Called with the process that a name means exactly, before it is taken.
    std::function<void(const Candidate&)> ask = {};

    void found(const FindResult& result) {
        found_ = result;
        if (ask && found_->winner && found_->winner->match.fit != Fit::near)
            ask(*found_->winner);
        if (found_->winner && found_->winner->match.fit == Fit::near && runs_on_undisturbed())
            common_.say(fmt::format("taking {} (pid {})", printable(found_->winner->comm), found_->winner->id.pid));
    }

    // Does `work`; if it is refused since the name is not clear, the candidates are told, and the line that is.
    template <typename Work>
    auto run(Work&& work) -> decltype(work()) {
        try {
            return work();
        } catch (Error& error) {
            if (error.fault() != Fault::no_process || !found_)
                throw;
            throw with_candidates(error);
        }
    }

  private:
    [[nodiscard]] bool runs_on_undisturbed() const {
        return config_.client_leave_running && !config_.client_signal_process_pre_dump;
    }

    [[nodiscard]] FailedWithResult with_candidates(Error& error) const {
        FindResult refused = *found_;
        refused.winner.reset();
        if (!refused.candidates.empty()) {
            error.hint("if the first is meant: " +
                       line_with_pid(common_.words, refused.name, refused.candidates.front().id.pid));
            if (common_.format == Format::text)
                for (const std::string& line : candidates_table(refused, Mark::nothing)
                                                   .lines(terminal_width(STDERR_FILENO), paint_for(STDERR_FILENO)))
                    print_note(line);
        }
        return {error, to_json(refused)};
    }

    const Config& config_;
    const CommonArguments& common_;
    std::optional<FindResult> found_;
};

// What its metrics call it: as the caller did; by a pid alone, the process's own name.
std::string subject_of(const DumpArguments& arguments, const DumpRequest& request) {
    if (!arguments.label.empty())
        return arguments.label;
    for (const auto& named : {arguments.unit, arguments.container, request.name})
        if (named)
            return *named;
    const auto stat = request.pid ? Procfs().stat(*request.pid) : std::nullopt;
    return stat ? stat->comm : request.config.client_process_name;
}

void tell_attempt(const Config& config, const std::string& subject, Warned& warned) {
    if (!subject.empty())
        job::write_textfile(config, fmt::format("cedana-dump-{}-attempt", subject),
                            job::attempt_text(subject, std::chrono::system_clock::now()), warned);
}

void tell_success(const Config& config, const std::string& subject, const DumpResult& result, Warned& warned) {
    const std::string& name = subject.empty() ? result.name : subject;
    job::write_textfile(
        config, "cedana-dump-" + name,
        job::dump_text(
            name, std::chrono::system_clock::now(),
            {.seconds = result.seconds, .frozen_seconds = result.frozen_seconds, .bytes = result.bytes_archive}),
        warned);
}

LoadedConfig config_of(const DumpArguments& arguments, const CommonArguments& common) {
    LoadedConfig config = load_config_for(common, arguments.dry_run ? FirstUse::leaves_nothing : FirstUse::makes_file);
    if (arguments.leave_running)
        config.set_from_flag("client.leave_running", "--leave-running", "true");
    if (arguments.stop)
        config.set_from_flag("client.leave_running", "--stop", "false");
    if (arguments.prove && config.values.client_leave_running)
        throw Error(Fault::usage, "--prove is for a dump that ends the tree, so that it ends only if it comes back")
            .hint("pass --stop too; of a tree that runs on, prove the checkpoint afterwards: client verify --prove");
    append_criu_arguments(config, arguments.criu_arguments);
    return config;
}

DumpRequest request_of(const DumpArguments& arguments, const LoadedConfig& config) {
    DumpRequest request{.pid = {},
                        .name = arguments.name,
                        .folder = arguments.folder,
                        .label = checked_text("--label", arguments.label, k_longest_label),
                        .note = checked_text("--note", arguments.note, k_longest_note),
                        .config = config.values,
                        .anyway = arguments.anyway,
                        .given_terminal = arguments.given_terminal,
                        .caller = config.caller,
                        .without_sandbox = arguments.without_sandbox,
                        .prove = arguments.prove,
                        .pre_copy = arguments.pre_copy};
    if (std::int64_t number = 0; arguments.target && parse_number(*arguments.target, number))
        request.pid = to_pid(number);
    else if (arguments.target)
        request.name = arguments.target;
    if (arguments.pid)
        request.pid = to_pid(*arguments.pid);
    if (arguments.unit)
        request.pid = running_unit(service_named(*arguments.unit)).state.main_pid;
    if (arguments.container)
        request.container = {.name = *arguments.container,
                             .engine = arguments.engine ? std::optional(containers::parse_engine(*arguments.engine))
                                                        : std::nullopt,
                             .volumes = dumped_volumes(arguments.volumes)};
    else if (arguments.volumes)
        throw Error(Fault::usage, "--volumes is for a container").hint("name it: --container NAME");
    return request;
}

void run(const DumpArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    const LoadedConfig config = config_of(arguments, common);
    DumpRequest request = request_of(arguments, config);
    require_places(config, arguments.folder);
    NameWatch name(config.values, common);
    request.found = [&](const FindResult& found) { name.found(found); };
    if (arguments.dry_run)
        return show_plan(name.run([&] { return plan_dump(request, interrupt); }), common.format);
    if (arguments.stop && request.name && !arguments.yes)
        name.ask = [&](const Candidate& one) {
            require_consent(fmt::format("end {} (pid {}: {}) once its checkpoint is on the disk?", printable(one.comm),
                                        one.id.pid, printable(one.command_line)),
                            interrupt);
        };
    request.passphrase = new_passphrase(arguments.passphrase, interrupt);
    // Not exit(): what is left of this process may never come to its end.
    request.end_at_once = [&](const Error& error) { ::_exit(fail(error, common.format)); };
    const std::string subject = subject_of(arguments, request);
    Warned warned;
    tell_attempt(config.values, subject, warned);
    const DumpResult result = [&] {
        const auto progress = make_progress(common);
        return name.run([&] { return dump(request, interrupt, *progress); });
    }();
    tell_success(config.values, subject, result, warned);
    common.say(summary_of(result));
    if (common.format == Format::json)
        print_json_result(to_json(result));
    else
        print_result(result.checkpoint.string());
}

} // namespace

Command dump_command() {
    const auto arguments = std::make_shared<DumpArguments>();
    std::vector<Option> options = {
        {.names = {"TARGET"},
         .meaning = "a pid as with -p, or a name as with -n",
         .target = &arguments->target,
         .complete = Complete::pids},
        {.names = {"-p", "--pid"},
         .value = "PID",
         .meaning = "root process of the tree",
         .target = &arguments->pid,
         .complete = Complete::pids,
         .excludes = "TARGET"},
        {.names = {"-n", "--name"},
         .value = "NAME",
         .meaning = "find the process by name (default: client.process_name)",
         .target = &arguments->name,
         .complete = Complete::names,
         .excludes = "--pid,TARGET"},
        {.names = {"--unit"},
         .value = "NAME",
         .meaning = "the main process of this service of systemd",
         .target = &arguments->unit,
         .excludes = "--pid,--name,TARGET"},
        {.names = {"--container"},
         .value = "NAME",
         .meaning = "all of a container, with its files and networks, by its name or id (containerd: NAMESPACE/ID)",
         .target = &arguments->container,
         .excludes = "--pid,--name,--unit,TARGET"},
        {.names = {"--engine"},
         .value = "ENGINE",
         .meaning = "whose container it is (default: ask all)",
         .target = &arguments->engine,
         .complete = Complete::choices,
         .choices = {"podman", "docker", "containerd", "runc", "crun"}},
        {.names = {"--volumes"},
         .value = "WHICH",
         .meaning = "which volumes of a container go into the checkpoint: none or named (default: none)",
         .target = &arguments->volumes,
         .complete = Complete::choices,
         .choices = {"none", "named"}},
        {.names = {"-d", "--dir"},
         .value = "DIR",
         .meaning = "folder for the checkpoint (default: shared_storage.dump_storage_dir, else /var/lib/cedana)",
         .target = &arguments->folder,
         .complete = Complete::folders},
        {.names = {"--label"},
         .value = "TEXT",
         .meaning = "a name for the checkpoint, by which it is listed and restored",
         .target = &arguments->label},
        {.names = {"--note"},
         .value = "TEXT",
         .meaning = "a remark for whoever looks into it",
         .target = &arguments->note},
        {.names = {"--leave-running"},
         .meaning = "keep the tree running after the dump",
         .target = &arguments->leave_running},
        {.names = {"--stop"},
         .meaning = "end the tree once the checkpoint is on the disk",
         .target = &arguments->stop,
         .excludes = "--leave-running"},
        {.names = {"-y", "--yes"},
         .meaning = "end what --stop and a name mean without asking on the terminal",
         .target = &arguments->yes},
        {.names = {"--given-terminal"},
         .meaning = "its terminal is one that whoever restores it will give it (--given-ends)",
         .target = &arguments->given_terminal,
         .hidden = true},
        {.names = {"--anyway"},
         .meaning = "dump what could not be restored too, marked as such; the tree runs on",
         .target = &arguments->anyway,
         .excludes = "--stop"},
        {.names = {"--without-sandbox"},
         .meaning = "dump it although a restore brings it back without its sealed mappings",
         .target = &arguments->without_sandbox},
        {.names = {"--prove"},
         .meaning = "with --stop: try first whether it comes back, in namespaces of its own "
                    "and where that can be tried; it stands still meanwhile",
         .target = &arguments->prove},
        {.names = {"--pre-copy"},
         .meaning = "copy memory before the tree stands still, however little it is (dump.pre_copy_mib)",
         .target = &arguments->pre_copy},
        criu_argument_option(arguments->criu_arguments)};
    std::ranges::move(passphrase_options(arguments->passphrase, PassphraseFor::encrypting),
                      std::back_inserter(options));
    options.push_back({.names = {"--dry-run"},
                       .meaning = "say what would be done or refused; touch nothing",
                       .target = &arguments->dry_run});
    return {.name = "dump",
            .summary = "checkpoint a process tree into DIR/NAME_DATETIME.zip",
            .options = std::move(options),
            .examples = {"sudo cedana client dump -p 4242",
                         "sudo cedana client dump -n train.py -d /mnt/checkpoints --stop"},
            .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
                run(*arguments, common, interrupt);
            }};
}

} // namespace cedana
