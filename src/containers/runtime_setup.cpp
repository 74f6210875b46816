// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/runtime_setup.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/name_table.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/trusted_path.hpp"
#include "cedana/containers/run_as_runtime.hpp"

#include <system_error>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr auto k_set_up_names =
    name_table<SetUpEngine>({{SetUpEngine::docker, "docker"}, {SetUpEngine::containerd, "containerd"}});

// Of daemon.json and of containerd's CRI plug-in, whose name is another since its settings have version 3.
constexpr const char* k_entry = "cedana";
constexpr const char* k_old_plugin = "io.containerd.grpc.v1.cri";
constexpr const char* k_new_plugin = "io.containerd.cri.v1.runtime";

bool has_line(const std::string& text, std::string_view wanted) {
    for (const std::string& line : split(text, '\n'))
        if (trim(line) == wanted)
            return true;
    return false;
}

std::string containerd_entry(const char* plugin, const std::string& program) {
    const std::string table = fmt::format("plugins.\"{}\".containerd.runtimes.{}", plugin, k_entry);
    return fmt::format("[{}]\n  runtime_type = \"io.containerd.runc.v2\"\n  [{}.options]\n    BinaryName = {}\n", table,
                       table, OrderedJson(program).dump());
}

fs::path runtime_program() {
    fs::path path = fs::read_symlink("/proc/self/exe").parent_path() / k_runtime_name;
    std::error_code ignored;
    if (!fs::exists(path, ignored))
        throw Error(Fault::environment, fmt::format("{} is not here", path.string()))
            .hint(fmt::format("make it: ln -s cedana {}", shell_word(path.string())));
    return path;
}

fs::path settings_of(SetUpEngine engine) {
    return engine == SetUpEngine::docker ? "/etc/docker/daemon.json" : "/etc/containerd/config.toml";
}

} // namespace

SetUpEngine parse_set_up_engine(std::string_view name) {
    if (const auto engine = k_set_up_names.find(name))
        return *engine;
    throw Error(Fault::usage,
                fmt::format("{} is no engine that is to be told of a runtime", printable(std::string(name))))
        .hint("one of docker, containerd; podman needs no more than --runtime");
}

std::string with_docker_runtime(const std::string& settings, const std::string& program) {
    OrderedJson json = trim(settings).empty() ? OrderedJson::object() : OrderedJson::parse(settings, nullptr, false);
    if (!json.is_object() || (json.contains("runtimes") && !json.at("runtimes").is_object()))
        throw Error(Fault::environment, "docker's settings cannot be read")
            .hint("see what is wrong with it: python3 -m json.tool /etc/docker/daemon.json");
    OrderedJson& entry = json["runtimes"][k_entry];
    if (entry.is_object() && entry.value("path", "") == program)
        return settings;
    entry["path"] = program;
    return json.dump(4) + "\n";
}

std::string with_containerd_runtime(const std::string& settings, const std::string& program) {
    const char* const plugin = has_line(settings, "version = 3") ? k_new_plugin : k_old_plugin;
    const std::string entry = containerd_entry(plugin, program);
    if (settings.find(entry) != std::string::npos)
        return settings;
    if (has_line(settings, entry.substr(0, entry.find('\n'))))
        throw Error(Fault::environment, "containerd's settings have another runtime of the name cedana")
            .hint("remove that entry first");
    const std::string before = trim(settings).empty() ? "version = 2\n" : settings;
    return fmt::format("{}{}\n{}", before, before.ends_with('\n') ? "" : "\n", entry);
}

RuntimeSetUp plan_set_up(SetUpEngine engine, const fs::path& file) {
    const std::string program = runtime_program().string();
    require_trusted(program, "the runtime");
    RuntimeSetUp plan;
    plan.file = file.empty() ? settings_of(engine) : file;
    std::error_code ignored;
    if (fs::exists(plan.file, ignored))
        plan.before = read_file(plan.file);
    if (engine == SetUpEngine::docker) {
        plan.after = with_docker_runtime(plan.before, program);
        plan.reload = "systemctl reload docker";
    } else {
        plan.after = with_containerd_runtime(plan.before, program);
        plan.reload = "systemctl restart containerd";
    }
    return plan;
}

void carry_out(const RuntimeSetUp& plan) {
    if (plan.is_done())
        return;
    std::error_code error;
    const fs::file_status there = fs::status(plan.file, error);
    constexpr fs::perms k_readable =
        fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read | fs::perms::others_read;
    fs::create_directories(plan.file.parent_path(), error);
    replace_file(plan.file, plan.after);
    fs::permissions(plan.file, fs::exists(there) ? there.permissions() : k_readable, error);
    if (error)
        throw os_error(error.value(), fmt::format("cannot set the mode of {}", plan.file.string()), Fault::storage);
}

} // namespace cedana::containers
