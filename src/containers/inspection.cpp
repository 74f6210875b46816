// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/containers/container.hpp"
#include "cedana/model/json_failure.hpp"

#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana::containers {

namespace {

using Json = nlohmann::json;

// Engines leave out what is not set, or say null.
std::string text_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_boolean() && found->get<bool>();
}

const Json& part_of(const Json& object, const char* key) {
    static const Json empty = Json::object();
    const auto found = object.find(key);
    return found != object.end() && found->is_object() ? *found : empty;
}

std::vector<ContainerMount> mounts_of(const Json& all) {
    std::vector<ContainerMount> mounts;
    for (const Json& mount : all.value("Mounts", Json::array())) {
        const std::string type = text_in(mount, "Type");
        if (type != "bind" && type != "volume")
            continue;
        const bool is_volume = type == "volume";
        mounts.push_back({.destination = text_in(mount, "Destination"),
                          .kind = is_volume ? MountSource::volume : MountSource::host,
                          .source = text_in(mount, is_volume ? "Name" : "Source"),
                          .read_only = !flag_in(mount, "RW")});
    }
    return mounts;
}

std::vector<ContainerNetwork> networks_of(const Json& all) {
    std::vector<ContainerNetwork> networks;
    const Json& settings = part_of(all, "NetworkSettings");
    for (const auto& [name, network] : part_of(settings, "Networks").items())
        networks.push_back({.name = name,
                            .address = text_in(network, "IPAddress"),
                            .hardware_address = text_in(network, "MacAddress")});
    return networks;
}

// podman keeps "/usr/sbin/runc" where it was given a path.
std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Inspection inspection_of(EngineKind engine, const Json& all) {
    const Json& state = part_of(all, "State");
    const Json& host = part_of(all, "HostConfig");
    const Json& config = part_of(all, "Config");
    const bool is_docker = engine == EngineKind::docker;
    std::string name = text_in(all, "Name");
    if (name.starts_with('/'))
        name.erase(0, 1);
    Inspection inspection{
        .record = {.engine = std::string(name_of(engine)),
                   .runtime = last_part(is_docker ? text_in(host, "Runtime") : text_in(all, "OCIRuntime")),
                   .id = text_in(all, "Id"),
                   .name = std::move(name),
                   .image = is_docker ? text_in(config, "Image") : text_in(all, "ImageName"),
                   .image_id = text_in(all, "Image"),
                   .restart_policy = text_in(part_of(host, "RestartPolicy"), "Name"),
                   .removed_at_end = flag_in(host, "AutoRemove"),
                   .has_terminal = flag_in(config, "Tty"),
                   .mounts = mounts_of(all),
                   .networks = networks_of(all)},
        .pid = state.value("Pid", 0),
        .status = text_in(state, "Status"),
        .pod = text_in(all, "Pod")};
    if (const std::string mode = text_in(host, "NetworkMode"); mode.starts_with("container:"))
        inspection.shared_network = mode;
    return inspection;
}

} // namespace

Inspection parse_inspection(EngineKind engine, std::string_view text) {
    try {
        return inspection_of(engine, Json::parse(text).at(0));
    } catch (const Json::exception& error) {
        throw Error(Fault::environment, fmt::format("what {} says of the container cannot be read: {}", name_of(engine),
                                                    what_is_wrong(error)));
    }
}

} // namespace cedana::containers
