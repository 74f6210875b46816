// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/manifest.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "captured_file_json.hpp"
#include "external_ends_json.hpp"
#include "link_remap_json.hpp"
#include "manifest_json.hpp"
#include "recorded_facts_json.hpp"
#include "required_file_json.hpp"
#include "tcp_connection_json.hpp"

namespace cedana {

namespace {

using Json = nlohmann::json;

Json options_to_json(const CriuOptions& options) {
    return {{"shell_job", options.shell_job},
            {"tcp_established", options.tcp_established},
            {"network_lock", options.network_lock},
            {"external_unix_sockets", options.external_unix_sockets},
            {"file_locks", options.file_locks},
            {"link_remap", options.link_remap},
            {"ghost_limit", options.ghost_limit},
            {"ignore_cgroups", options.ignore_cgroups},
            {"extra", options.extra}};
}

CriuOptions options_from_json(const Json& json) {
    return {.shell_job = json.at("shell_job").get<bool>(),
            .tcp_established = json.at("tcp_established").get<bool>(),
            .network_lock = json.at("network_lock").get<std::string>(),
            .external_unix_sockets = json.at("external_unix_sockets").get<bool>(),
            .file_locks = json.at("file_locks").get<bool>(),
            .link_remap = json.at("link_remap").get<bool>(),
            .ignore_cgroups = json.value("ignore_cgroups", false),
            .ghost_limit = number_of(json.at("ghost_limit")),
            .extra = json.at("extra").get<std::vector<std::string>>()};
}

Json memory_to_json(const ProcessMemory& memory) {
    return {{"anonymous", memory.anonymous},
            {"file_backed", memory.file_backed},
            {"shared", memory.shared},
            {"swapped", memory.swapped}};
}

ProcessMemory memory_from_json(const Json& json) {
    return {.anonymous = number_of(json.at("anonymous")),
            .file_backed = number_of(json.at("file_backed")),
            .shared = number_of(json.at("shared")),
            .swapped = number_of(json.at("swapped"))};
}

Json process_to_json(const ManifestProcess& process) {
    Json json = {{"pid", process.pid},
                 {"parent", process.parent},
                 {"start_time", process.start_time},
                 {"comm", process.comm},
                 {"executable", process.executable},
                 {"command_line", process.command_line},
                 {"threads", process.threads},
                 {"resident_bytes", process.resident_bytes}};
    if (process.memory)
        json["memory"] = memory_to_json(*process.memory);
    return json;
}

// 0: a parent in another pid namespace (proc(5)).
pid_t parent_of(const Json& json) {
    const std::uint64_t pid = number_of(json);
    return pid == 0 ? 0 : to_pid(pid);
}

pid_t pid_of(const Json& json) { return to_pid(number_of(json)); }

ManifestProcess process_from_json(const Json& json) {
    ManifestProcess process{.pid = pid_of(json.at("pid")),
                            .parent = parent_of(json.at("parent")),
                            .start_time = number_of(json.at("start_time")),
                            .comm = json.at("comm").get<std::string>(),
                            .executable = json.at("executable").get<std::string>(),
                            .command_line = json.at("command_line").get<std::vector<std::string>>(),
                            .threads = {},
                            .resident_bytes = number_of(json.at("resident_bytes"))};
    if (json.contains("memory"))
        process.memory = memory_from_json(json.at("memory"));
    for (const Json& thread : json.at("threads"))
        process.threads.push_back(pid_of(thread));
    if (!std::ranges::count(process.threads, process.pid))
        refuse_manifest(fmt::format("process {} is not among its own threads", process.pid));
    return process;
}

void refuse_shared_pids(const std::vector<ManifestProcess>& tree) {
    std::set<pid_t> seen;
    for (const ManifestProcess& process : tree)
        for (const pid_t thread : process.threads)
            if (!seen.insert(thread).second)
                refuse_manifest(fmt::format("the pid {} is there twice", thread));
}

Manifest from_json(const Json& json) {
    Manifest manifest;
    require_version(json.at("format_version").get<std::int64_t>());
    manifest.created = json.at("created").get<std::string>();
    manifest.cedana_version = json.at("cedana_version").get<std::string>();
    manifest.criu_version = json.at("criu_version").get<std::string>();
    const Json& host = json.at("host");
    manifest.host = {.name = host.at("name").get<std::string>(),
                     .kernel = host.at("kernel").get<std::string>(),
                     .machine = host.at("machine").get<std::string>(),
                     .cpu_model = host.at("cpu_model").get<std::string>(),
                     .cpu_flags = host.at("cpu_flags").get<std::vector<std::string>>()};
    manifest.name = json.at("name").get<std::string>();
    manifest.leave_running = json.at("leave_running").get<bool>();
    manifest.criu_options = options_from_json(json.at("criu_options"));
    for (const Json& process : json.at("tree"))
        manifest.tree.push_back(process_from_json(process));
    if (manifest.tree.empty())
        refuse_manifest("its tree has no process");
    refuse_shared_pids(manifest.tree);
    if (json.contains("connections"))
        manifest.connections = connections_from_json(json.at("connections"));
    if (json.contains("external_pipes"))
        manifest.external_pipes = external_pipes_from_json(json.at("external_pipes"));
    if (json.contains("external_terminals"))
        manifest.external_terminals = external_terminals_from_json(json.at("external_terminals"));
    if (json.contains("own_terminals"))
        manifest.own_terminals = terminal_numbers_from_json(json.at("own_terminals"));
    if (json.contains("link_remaps"))
        manifest.link_remaps = link_remaps_from_json(json.at("link_remaps"));
    manifest.network_lock_table = json.value("network_lock_table", std::string());
    if (json.contains("required_files"))
        manifest.required_files = required_files_from_json(json.at("required_files"));
    manifest.images = number_of(json.at("images"));
    manifest.bytes_images = number_of(json.at("bytes_images"));
    manifest.digests = json.at("digests").get<std::map<std::string, std::string>>();
    manifest.timings = json.at("timings").get<std::map<std::string, double>>();
    if (json.contains("frozen_seconds"))
        manifest.frozen_seconds = json.at("frozen_seconds").get<double>();
    if (json.contains("files"))
        manifest.files = captured_files_from_json(json.at("files"));
    if (json.contains("watch"))
        manifest.watch = {.available = json.at("watch").at("available").get<bool>(),
                          .gaps = json.at("watch").at("gaps").get<std::vector<std::string>>()};
    if (json.contains("facts"))
        manifest.facts = facts_from_json(json.at("facts"));
    return manifest;
}

} // namespace

std::string write_manifest(const Manifest& manifest) {
    nlohmann::ordered_json json;
    json["format_version"] = k_manifest_version;
    json["created"] = manifest.created;
    json["name"] = manifest.name;
    json["leave_running"] = manifest.leave_running;
    json["cedana_version"] = manifest.cedana_version;
    json["criu_version"] = manifest.criu_version;
    json["host"] = {{"name", manifest.host.name},
                    {"kernel", manifest.host.kernel},
                    {"machine", manifest.host.machine},
                    {"cpu_model", manifest.host.cpu_model},
                    {"cpu_flags", manifest.host.cpu_flags}};
    json["criu_options"] = options_to_json(manifest.criu_options);
    std::vector<Json> tree;
    std::ranges::transform(manifest.tree, std::back_inserter(tree), process_to_json);
    json["tree"] = tree;
    json["connections"] = connections_to_json(manifest.connections);
    json["external_pipes"] = external_pipes_to_json(manifest.external_pipes);
    if (manifest.external_terminals)
        json["external_terminals"] = external_terminals_to_json(*manifest.external_terminals);
    json["own_terminals"] = manifest.own_terminals;
    if (!manifest.link_remaps.empty())
        json["link_remaps"] = link_remaps_to_json(manifest.link_remaps);
    if (!manifest.network_lock_table.empty())
        json["network_lock_table"] = manifest.network_lock_table;
    json["required_files"] = required_files_to_json(manifest.required_files);
    json["images"] = manifest.images;
    json["bytes_images"] = manifest.bytes_images;
    json["digests"] = manifest.digests;
    json["timings"] = manifest.timings;
    if (manifest.frozen_seconds)
        json["frozen_seconds"] = *manifest.frozen_seconds;
    json["files"] = captured_files_to_json(manifest.files);
    if (manifest.watch)
        json["watch"] = {{"available", manifest.watch->available}, {"gaps", manifest.watch->gaps}};
    if (manifest.facts)
        json["facts"] = facts_to_json(*manifest.facts);
    // Command lines are bytes, and JSON is UTF-8: what is not becomes U+FFFD.
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Manifest parse_manifest(std::string_view text) {
    const auto watch_depth = [](int depth, Json::parse_event_t, const Json&) {
        require_depth(depth);
        return true;
    };
    try {
        return from_json(Json::parse(text, watch_depth));
    } catch (const Json::exception& error) {
        refuse_manifest(printable(error.what()));
    }
}

} // namespace cedana
