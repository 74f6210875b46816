// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/docker_description.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/model/container.hpp"
#include "cedana/model/json_failure.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana::containers {

namespace {

using Json = nlohmann::json;

const Json& docker_part(const Json& object, const char* key) {
    static const Json empty;
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found == object.end() ? empty : *found;
}

std::string docker_text(const Json& object, const char* key) {
    const Json& part = docker_part(object, key);
    return part.is_string() ? part.get<std::string>() : std::string();
}

template <typename Read>
auto read_docker(std::string_view inspection, Read&& read) {
    try {
        return read(Json::parse(inspection).at(0));
    } catch (const Json::exception& error) {
        throw Error(Fault::checkpoint, fmt::format("the checkpoint is not safe to use: what docker has said of the "
                                                   "container cannot be read: {}",
                                                   what_is_wrong(error)));
    }
}

// "SOURCE:DESTINATION[:OPTIONS]"; a volume without a name has no source.
std::pair<std::string, std::string> parts_of_bind(const std::string& bind) {
    const std::vector<std::string> parts = split(bind, ':');
    return parts.size() < 2 ? std::pair(std::string(), bind) : std::pair(parts[0], parts[1]);
}

std::set<std::string> mounted_by(const Json& host) {
    std::set<std::string> destinations;
    for (const Json& bind : docker_part(host, "Binds"))
        destinations.insert(parts_of_bind(bind.get<std::string>()).second);
    for (const Json& mount : docker_part(host, "Mounts"))
        destinations.insert(docker_text(mount, "Target"));
    return destinations;
}

// docker makes new ones for those that have no name from their user, and takes others from another container.
void name_volumes(const Json& all, Json& host, std::vector<std::string>& volumes) {
    const std::set<std::string> named = mounted_by(host);
    for (const Json& mount : docker_part(all, "Mounts")) {
        if (docker_text(mount, "Type") != "volume")
            continue;
        const std::string name = docker_text(mount, "Name");
        const std::string destination = docker_text(mount, "Destination");
        volumes.push_back(name);
        if (named.contains(destination))
            continue;
        if (!host["Binds"].is_array())
            host["Binds"] = Json::array();
        const bool writable = docker_part(mount, "RW").is_boolean() && mount.at("RW").get<bool>();
        host["Binds"].push_back(fmt::format("{}:{}{}", name, destination, writable ? "" : ":ro"));
    }
    host["VolumesFrom"] = nullptr;
}

bool is_dockers_own(const std::string& network) {
    constexpr std::array k_own = {"bridge", "host", "none", "default"};
    return std::ranges::count(k_own, network) != 0;
}

DockerEndpoint endpoint_of(const std::string& network, const Json& seen, const std::string& id) {
    Json aliases = Json::array();
    for (const Json& alias : docker_part(seen, "Aliases"))
        if (alias.is_string() && alias.get<std::string>() != short_id(id))
            aliases.push_back(alias);
    Json config = {
        {"Aliases", aliases}, {"Links", docker_part(seen, "Links")}, {"DriverOpts", docker_part(seen, "DriverOpts")}};
    DockerEndpoint endpoint{.network = network, .plain = config.dump(), .with_address = {}};
    Json address = Json::object();
    if (const std::string v4 = docker_text(seen, "IPAddress"); !v4.empty())
        address["IPv4Address"] = v4;
    if (const std::string v6 = docker_text(seen, "GlobalIPv6Address"); !v6.empty())
        address["IPv6Address"] = v6;
    if (!address.empty()) {
        config["IPAMConfig"] = address;
        endpoint.with_address = config.dump();
    }
    return endpoint;
}

DockerRequest request_from(const Json& all, const std::string& runtime, const std::string& image) {
    DockerRequest request;
    Json body = all.at("Config");
    Json host = all.at("HostConfig");
    host["Runtime"] = runtime;
    host["ContainerIDFile"] = "";
    name_volumes(all, host, request.volumes);
    body["Image"] = image;
    body["HostConfig"] = host;
    for (const auto& [network, seen] : docker_part(docker_part(all, "NetworkSettings"), "Networks").items())
        if (!is_dockers_own(network))
            request.endpoints.push_back(endpoint_of(network, seen, docker_text(all, "Id")));
    request.body = body.dump();
    return request;
}

bool is_set(const Json& host, const char* key) {
    const Json& value = docker_part(host, key);
    if (value.is_boolean())
        return value.get<bool>();
    return value.is_string() ? !value.get<std::string>().empty() : !value.empty();
}

HostAccess access_in(const Json& all) {
    constexpr std::array k_modes = {
        std::pair("PidMode", "the host's pid namespace"), std::pair("IpcMode", "the host's ipc namespace"),
        std::pair("UTSMode", "the host's uts namespace"), std::pair("NetworkMode", "the host's network namespace")};
    constexpr std::array k_more = {std::pair("Privileged", "--privileged"),
                                   std::pair("CapAdd", "added capabilities"),
                                   std::pair("SecurityOpt", "security options of its own"),
                                   std::pair("DeviceRequests", "devices by a driver"),
                                   std::pair("DeviceCgroupRules", "rules for devices"),
                                   std::pair("CgroupParent", "a control group of its own choice")};
    HostAccess access;
    const Json& host = all.at("HostConfig");
    for (const Json& bind : docker_part(host, "Binds"))
        if (const std::string source = parts_of_bind(bind.get<std::string>()).first; source.starts_with('/'))
            access.paths.insert(source);
    for (const Json& mount : docker_part(host, "Mounts"))
        if (docker_text(mount, "Type") == "bind")
            access.paths.insert(docker_text(mount, "Source"));
    for (const Json& device : docker_part(host, "Devices"))
        access.paths.insert(docker_text(device, "PathOnHost"));
    for (const auto& [key, text] : k_modes)
        if (docker_text(host, key) == "host")
            access.privileges.insert(text);
    for (const auto& [key, text] : k_more)
        if (is_set(host, key))
            access.privileges.insert(text);
    return access;
}

} // namespace

DockerRequest read_docker_request(std::string_view inspection, const std::string& runtime, const std::string& image) {
    return read_docker(inspection, [&](const Json& all) { return request_from(all, runtime, image); });
}

HostAccess read_docker_access(std::string_view inspection) {
    return read_docker(inspection, [](const Json& all) { return access_in(all); });
}

} // namespace cedana::containers
