// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/commands.hpp"

#include "cedana/action/dump.hpp"
#include "cedana/action/restore.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/plans.hpp"
#include "cedana/model/settings.hpp"
#include "cedana/process/find.hpp"
#include "cedana/process/procfs.hpp"

#include <limits>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

LoadedConfig load(const CommonArguments& common) {
    LoadedConfig config = load_config({.caller = caller_from_system(), .explicit_file = common.config_file});
    for (const std::string& warning : config.warnings)
        spdlog::warn("{}", warning);
    return config;
}

void add_criu_arguments(Config& config, const std::vector<std::string>& arguments) {
    config.criu_extra_args.insert(config.criu_extra_args.end(), arguments.begin(), arguments.end());
}

pid_t to_pid(std::int64_t number) {
    if (number < 1 || number > std::numeric_limits<pid_t>::max())
        throw Error(Fault::usage, fmt::format("{} is not a pid", number));
    return static_cast<pid_t>(number);
}

Json to_json(const DumpResult& result) {
    Json json = {{"checkpoint", result.checkpoint.string()},
                 {"pid", result.pid},
                 {"name", result.name},
                 {"seconds", result.seconds}};
    json["frozen_seconds"] = result.frozen_seconds ? Json(*result.frozen_seconds) : Json(nullptr);
    json["bytes_images"] = result.bytes_images;
    json["bytes_archive"] = result.bytes_archive;
    json["peak_memory_bytes"] = result.peak_memory_bytes;
    json["phases"] = result.phases;
    return json;
}

Json to_json(const std::vector<RestoredFile>& files) {
    Json json = Json::array();
    for (const RestoredFile& file : files)
        json.push_back({{"path", file.path},
                        {"action", name_of(file.action)},
                        {"backup", file.backup.empty() ? Json(nullptr) : Json(file.backup.string())}});
    return json;
}

Json to_json(const Candidate& candidate) {
    return {{"pid", candidate.id.pid},
            {"start_time", candidate.id.start_time},
            {"score", candidate.match.score},
            {"matched", candidate.match.text},
            {"comm", candidate.comm},
            {"command_line", candidate.command_line},
            {"represents", candidate.represents}};
}

// A look that found a refusal ends as the action itself would.
template <typename Plan>
void show(const Plan& plan, Format format) {
    if (format == Format::json)
        print_json(to_json(plan));
    else
        print_plan(plan);
    if (!plan.refusals.empty())
        throw plan.refusals.front();
}

} // namespace

void dump_command(const CommonArguments& common, const DumpArguments& arguments, const Interrupt& interrupt) {
    LoadedConfig config = load(common);
    if (arguments.leave_running)
        config.set_from_flag("client.leave_running", *arguments.leave_running ? "--leave-running" : "--stop",
                             *arguments.leave_running ? "true" : "false");
    add_criu_arguments(config.values, arguments.criu_arguments);
    DumpRequest request{.pid = {}, .name = arguments.name, .folder = arguments.folder, .config = config.values};
    if (arguments.pid)
        request.pid = to_pid(*arguments.pid);
    if (arguments.dry_run)
        return show(plan_dump(request), common.format);
    Progress progress;
    const DumpResult result = dump(request, interrupt, progress);
    if (common.format == Format::json)
        print_json(to_json(result));
    else
        print_line(result.checkpoint.string());
}

void restore_command(const CommonArguments& common, const RestoreArguments& arguments, const Interrupt& interrupt) {
    LoadedConfig config = load(common);
    add_criu_arguments(config.values, arguments.criu_arguments);
    const RestoreRequest request{.checkpoint = arguments.checkpoint,
                                 .config = config.values,
                                 .new_pid_namespace = arguments.new_pid_namespace,
                                 .files = {.force = arguments.force, .truncate_grown = arguments.truncate_grown}};
    if (arguments.dry_run)
        return show(plan_restore(request, interrupt), common.format);
    Progress progress;
    const RestoreResult result = restore(request, interrupt, progress);
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

void find_command(const CommonArguments& common, const std::string& name) {
    const FindResult found = find_by_name(Procfs(), name, ::getpid());
    if (common.format == Format::json) {
        Json candidates = Json::array();
        for (const Candidate& candidate : found.candidates)
            candidates.push_back(to_json(candidate));
        print_json({{"name", name},
                    {"winner", found.winner ? Json(found.winner->id.pid) : Json(nullptr)},
                    {"candidates", candidates}});
    } else if (!found.candidates.empty()) {
        std::vector<std::vector<std::string>> rows = {{"", "PID", "SCORE", "MATCHED", "COMMAND"}};
        for (const Candidate& candidate : found.candidates) {
            const bool wins = found.winner && found.winner->id == candidate.id;
            rows.push_back({wins ? "*" : "", std::to_string(candidate.id.pid),
                            fmt::format("{:.2f}", candidate.match.score), printable(candidate.match.text),
                            printable(candidate.command_line.empty() ? candidate.comm : candidate.command_line)});
        }
        print_table(rows);
    }
    // What a dump by this name would say, so that a script can go by the exit code.
    static_cast<void>(choose(found));
}

void config_show_command(const CommonArguments& common) {
    const LoadedConfig config = load(common);
    if (common.format == Format::json) {
        Json json = Json::object();
        for (const ConfigRow& row : config_rows(config))
            json[row.key] = {{"value", Json::parse(row.value)}, {"origin", row.origin}, {"meaning", row.meaning}};
        print_json(json);
        return;
    }
    std::vector<std::vector<std::string>> rows = {{"SETTING", "VALUE", "FROM"}};
    for (const ConfigRow& row : config_rows(config))
        rows.push_back({row.key, printable(row.value), printable(row.origin)});
    print_table(rows);
}

void config_init_command() {
    const Caller caller = caller_from_system();
    const auto path = default_config_path(caller);
    if (create_config_file(caller, template_text()) == Creation::existed)
        throw Error(Fault::usage, fmt::format("{} exists already, and is never rewritten", path.string()))
            .hint("remove it first to start again from the defaults");
    print_line(path.string());
}

void config_path_command(const CommonArguments& common) {
    print_line(user_config_path({.caller = caller_from_system(), .explicit_file = common.config_file}).string());
}

} // namespace cedana
