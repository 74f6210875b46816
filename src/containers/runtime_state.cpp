// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/runtime_state.hpp"

#include "cedana/base/error.hpp"
#include "cedana/model/json_failure.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <system_error>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

// podman's and runc's own, and docker's.
constexpr std::array k_runtime_roots = {"/run/runc", "/run/docker/runtime-runc/moby",
                                        "/run/docker/runtime-cedana/moby"};
// containerd's, with a folder for each of its namespaces.
constexpr const char* k_containerd_root = "/run/containerd/runc";

std::vector<fs::path> runtime_roots() {
    std::vector<fs::path> roots(k_runtime_roots.begin(), k_runtime_roots.end());
    std::error_code ignored;
    for (const auto& space : fs::directory_iterator(k_containerd_root, ignored))
        roots.push_back(space.path());
    return roots;
}

std::vector<std::string> texts_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? std::vector<std::string>()
                                                     : found->get<std::vector<std::string>>();
}

// runc keeps some destinations with the root before them.
std::string inside(const std::string& destination, const std::string& root) {
    return destination.starts_with(root + "/") ? destination.substr(root.size()) : destination;
}

void read_mounts(const Json& config, RuntimeState& state) {
    const bool has_own_cgroups = state.namespaces.contains("NEWCGROUP");
    for (const Json& mount : config.at("mounts")) {
        const std::string device = mount.at("device").get<std::string>();
        const std::string destination = inside(mount.at("destination").get<std::string>(), state.root);
        if (device == "bind")
            state.bind_mounts.push_back(destination);
        else if (device == "cgroup" && !has_own_cgroups)
            state.cgroup_mounts.push_back(destination);
    }
}

std::string bundle_of(const std::vector<std::string>& labels) {
    constexpr std::string_view k_bundle = "bundle=";
    for (const std::string& label : labels)
        if (label.starts_with(k_bundle))
            return label.substr(k_bundle.size());
    return {};
}

RuntimeState read_state(const Json& json) {
    const Json& config = json.at("config");
    RuntimeState state{.id = json.at("id").get<std::string>(),
                       .pid = json.at("init_process_pid").get<pid_t>(),
                       .start_time = json.at("init_process_start").get<std::uint64_t>(),
                       .root = config.at("rootfs").get<std::string>(),
                       .bundle = bundle_of(texts_of(config, "labels")),
                       .masked = texts_of(config, "mask_paths"),
                       .external_descriptors = json.at("external_descriptors").dump()};
    for (const Json& one : config.at("namespaces"))
        state.namespaces.emplace(one.at("type").get<std::string>(), one.value("path", ""));
    if (const auto devices = config.find("devices"); devices != config.end() && devices->is_array())
        for (const Json& device : *devices)
            state.devices.push_back(device.at("path").get<std::string>());
    read_mounts(config, state);
    return state;
}

bool is_bind_mount(const Json& mount) {
    if (mount.value("type", "") == "bind")
        return true;
    return std::ranges::any_of(texts_of(mount, "options"),
                               [](const std::string& one) { return one == "bind" || one == "rbind"; });
}

// By the names that runc keeps.
std::string kept_name(const std::string& kind) {
    if (kind == "network")
        return "NEWNET";
    std::string name = kind == "mount" ? "NEWNS" : "NEW" + kind;
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return name;
}

RuntimeState read_crun_state(const std::string& id, const Json& status, const Json& specification) {
    RuntimeState state{.id = id,
                       .pid = status.at("pid").get<pid_t>(),
                       .start_time = status.at("process-start-time").get<std::uint64_t>(),
                       .root = status.at("rootfs").get<std::string>(),
                       .bundle = status.at("bundle").get<std::string>(),
                       .external_descriptors = status.value("external_descriptors", "[]")};
    const Json& linux_part = specification.at("linux");
    for (const Json& one : linux_part.at("namespaces"))
        state.namespaces.emplace(kept_name(one.at("type").get<std::string>()), one.value("path", ""));
    const bool has_own_cgroups = state.namespaces.contains("NEWCGROUP");
    for (const Json& mount : specification.value("mounts", Json::array())) {
        const auto destination = mount.at("destination").get<std::string>();
        if (is_bind_mount(mount))
            state.bind_mounts.push_back(destination);
        else if (mount.value("type", "") == "cgroup" && !has_own_cgroups)
            state.cgroup_mounts.push_back(destination);
    }
    state.masked = texts_of(linux_part, "maskedPaths");
    if (const auto devices = linux_part.find("devices"); devices != linux_part.end() && devices->is_array())
        for (const Json& device : *devices)
            state.devices.push_back(device.at("path").get<std::string>());
    return state;
}

} // namespace

RuntimeState parse_crun_state(const std::string& id, std::string_view status, std::string_view specification) {
    try {
        return read_crun_state(id, Json::parse(status), Json::parse(specification));
    } catch (const Json::exception& error) {
        throw Error(Fault::dump_failed,
                    fmt::format("what crun keeps of the container cannot be read: {}", what_is_wrong(error)));
    }
}

std::optional<fs::path> find_crun_folder(const std::string& id) {
    const fs::path folder = fs::path("/run/crun") / id;
    std::error_code ignored;
    return is_plain_name(id) && fs::is_regular_file(folder / "status", ignored) ? std::optional(folder) : std::nullopt;
}

RuntimeState parse_runtime_state(std::string_view text) {
    try {
        return read_state(Json::parse(text));
    } catch (const Json::exception& error) {
        throw Error(Fault::dump_failed,
                    fmt::format("what runc keeps of the container cannot be read: {}", what_is_wrong(error)));
    }
}

bool is_plain_name(std::string_view name) {
    return !name.empty() && name.size() < 256 && name.front() != '.' && name.front() != '-' &&
           std::ranges::all_of(name, [](char c) {
               return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-' || c == '+';
           });
}

std::vector<fs::path> find_runtime_states(const std::string& id) {
    std::vector<fs::path> found;
    if (!is_plain_name(id))
        return found;
    std::error_code ignored;
    for (const fs::path& root : runtime_roots())
        if (fs::path path = root / id / "state.json"; fs::is_regular_file(path, ignored))
            found.push_back(std::move(path));
    return found;
}

} // namespace cedana::containers
