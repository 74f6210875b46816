// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/podman_description.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/runtime_state.hpp"
#include "cedana/model/json_failure.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana::containers {

namespace {

using Json = nlohmann::json;

[[noreturn]] void refuse_description(const std::string& why) {
    throw Error(Fault::checkpoint, "the checkpoint is not safe to use: podman's description of the container " + why);
}

const Json& inner(const Json& object, const char* key) {
    static const Json empty;
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found == object.end() ? empty : *found;
}

Json parsed(const SmallFiles& description, const char* name) {
    const auto found = description.find(name);
    if (found == description.end())
        refuse_description(fmt::format("lacks {}", name));
    return Json::parse(found->second);
}

bool has_any(const Json& value) {
    if (value.is_object() || value.is_array())
        return std::ranges::any_of(value, has_any);
    return value.is_string() ? !value.get<std::string>().empty() : !value.is_null();
}

// podman's own files of the container, which it makes anew, and volumes that it looks for by their names.
bool is_engines_own(const std::string& source, const std::string& id, const std::set<std::string>& volumes) {
    const std::string normal = std::filesystem::path(source).lexically_normal().string();
    if (normal.find(fmt::format("/overlay-containers/{}/userdata/", id)) != std::string::npos)
        return true;
    return std::ranges::any_of(
        volumes, [&](const std::string& name) { return normal.ends_with(fmt::format("/volumes/{}/_data", name)); });
}

std::vector<std::string> options_of(const Json& mount) {
    return inner(mount, "options").is_array() ? inner(mount, "options").get<std::vector<std::string>>()
                                              : std::vector<std::string>();
}

bool is_bound(const Json& mount) {
    return inner(mount, "type") == "bind" || std::ranges::any_of(options_of(mount), [](const std::string& one) {
               return one == "bind" || one == "rbind";
           });
}

class DescriptionReader {
  public:
    DescriptionReader(const SmallFiles& description, std::string id)
        : config_(parsed(description, "config.dump")), id_(std::move(id)) {
        read_config();
        // One is what the container was made with, the other what it ran with.
        read_specification(inner(config_, "spec"));
        read_specification(parsed(description, "spec.dump"));
    }

    HostAccess take() { return std::move(access_); }

  private:
    void read_config() {
        if (has_any(inner(config_, "rootfs")))
            refuse_description("has a folder of the host as its root");
        if (const Json& command = inner(config_, "exitCommand"); has_any(command) && !is_own_cleanup(command))
            refuse_description("has a command that is run when it ends");
        for (const Json& volume : inner(config_, "namedVolumes"))
            volumes_.insert(inner(volume, "volumeName").get<std::string>());
        for (const Json& volume : inner(config_, "overlayVolumes"))
            access_.paths.insert(inner(volume, "source").get<std::string>());
        if (inner(config_, "privileged") == true)
            access_.privileges.emplace("--privileged");
    }

    // "podman … container cleanup ID"
    static bool is_own_cleanup(const Json& command) {
        const auto words = command.get<std::vector<std::string>>();
        return std::filesystem::path(words.front()).filename() == "podman" &&
               std::ranges::count(words, "container") == 1 && std::ranges::count(words, "cleanup") == 1;
    }

    void read_specification(const Json& specification) {
        if (has_any(inner(specification, "hooks")))
            refuse_description("has hooks, which are programs of the host");
        for (const Json& mount : inner(specification, "mounts"))
            read_mount(mount);
        const Json& linux_part = inner(specification, "linux");
        for (const Json& device : inner(linux_part, "devices"))
            access_.paths.insert(inner(device, "path").get<std::string>());
        read_namespaces(inner(linux_part, "namespaces"));
    }

    void read_mount(const Json& mount) {
        if (!is_bound(mount))
            return;
        const auto source = inner(mount, "source").get<std::string>();
        if (!is_engines_own(source, id_, volumes_))
            access_.paths.insert(source);
    }

    void read_namespaces(const Json& namespaces) {
        constexpr std::array k_kinds = {"pid", "ipc", "uts", "network"};
        std::set<std::string> own;
        for (const Json& one : namespaces)
            own.insert(inner(one, "type").get<std::string>());
        if (namespaces.is_array() && !own.contains("mount"))
            refuse_description("has no mount namespace");
        for (const char* kind : k_kinds)
            if (namespaces.is_array() && !own.contains(kind))
                access_.privileges.insert(fmt::format("the host's {} namespace", kind));
    }

    Json config_;
    std::string id_;
    std::set<std::string> volumes_;
    HostAccess access_;
};

constexpr const char* k_podman_config = "config.dump";

std::string text_of(const Json& object, const char* key) {
    const Json& value = inner(object, key);
    return value.is_string() ? value.get<std::string>() : std::string();
}

// What is there under the paths of this host, since podman does not say it.
bool is_folder_here(const std::string& path) {
    std::error_code ignored;
    const std::filesystem::file_status there = std::filesystem::status(path, ignored);
    return !std::filesystem::exists(there) || std::filesystem::is_directory(there);
}

std::vector<ContainerMount> mounts_in(const Json& config, const Json& specification, const std::string& id) {
    std::map<std::string, std::string> volumes;
    std::set<std::string> names;
    for (const Json& volume : inner(config, "namedVolumes")) {
        volumes[text_of(volume, "dest")] = text_of(volume, "volumeName");
        names.insert(text_of(volume, "volumeName"));
    }
    std::vector<ContainerMount> mounts;
    for (const Json& mount : inner(specification, "mounts")) {
        if (!is_bound(mount))
            continue;
        ContainerMount one{.destination = text_of(mount, "destination"),
                           .read_only = std::ranges::count(options_of(mount), "ro") != 0};
        const std::string source = text_of(mount, "source");
        if (const auto volume = volumes.find(one.destination); volume != volumes.end()) {
            one.kind = MountSource::volume;
            one.source = volume->second;
            one.is_folder = true;
        } else if (!is_engines_own(source, id, names)) {
            one.kind = MountSource::host;
            one.source = source;
            one.is_folder = is_folder_here(source);
        } else {
            one.is_folder = one.destination == "/dev/shm";
        }
        mounts.push_back(std::move(one));
    }
    return mounts;
}

// Of the first address of each network that it was in.
std::vector<ContainerNetwork> networks_in(const Json& status) {
    std::vector<ContainerNetwork> networks;
    if (!status.is_object())
        return networks;
    for (const auto& [name, network] : status.items()) {
        ContainerNetwork one{.name = name};
        for (const Json& interface : inner(network, "interfaces")) {
            one.hardware_address = text_of(interface, "mac_address");
            for (const Json& subnet : inner(interface, "subnets"))
                if (const std::string address = text_of(subnet, "ipnet"); one.address.empty())
                    one.address = address.substr(0, address.find('/'));
        }
        networks.push_back(std::move(one));
    }
    return networks;
}

ContainerRecord record_in(const SmallFiles& description) {
    const Json config = parsed(description, k_podman_config);
    const Json specification = parsed(description, "spec.dump");
    if (!inner(config, "rootfsImageID").is_string() && !inner(config, "staticDir").is_string())
        throw Error(Fault::usage,
                    "the archive is no podman's: its container is known to another engine (CRI-O, containerd), "
                    "in a pod of that")
            .hint("only archives of `podman container checkpoint --export` can be taken in");
    const std::string runtime = text_of(config, "runtime");
    ContainerRecord record{
        .engine = "podman",
        .runtime = runtime.substr(runtime.rfind('/') + 1),
        .id = text_of(config, "id"),
        .name = text_of(config, "name"),
        .image = text_of(config, "rootfsImageName"),
        .image_id = text_of(config, "rootfsImageID"),
        .restart_policy = text_of(config, "restart_policy"),
        .removed_at_end = text_of(inner(specification, "annotations"), "io.podman.annotations.autoremove") == "TRUE",
        .has_terminal = inner(inner(specification, "process"), "terminal") == true};
    if (!is_plain_name(record.id) || !is_plain_name(record.name))
        refuse_description("names no container");
    record.mounts = mounts_in(config, specification, record.id);
    return record;
}

} // namespace

void change_runtime(SmallFiles& description, const std::string& runtime) {
    try {
        Json config = parsed(description, k_podman_config);
        config["runtime"] = runtime;
        description[k_podman_config] = config.dump();
    } catch (const Json::exception& error) {
        refuse_description(fmt::format("cannot be read: {}", what_is_wrong(error)));
    }
}

std::string runtime_in(const SmallFiles& description) {
    try {
        const Json config = parsed(description, k_podman_config);
        return config.value("runtime", "");
    } catch (const Json::exception& error) {
        refuse_description(fmt::format("cannot be read: {}", what_is_wrong(error)));
    }
}

HostAccess read_host_access(const SmallFiles& description, const std::string& id) {
    try {
        return DescriptionReader(description, id).take();
    } catch (const Json::exception& error) {
        refuse_description(fmt::format("cannot be read: {}", what_is_wrong(error)));
    }
}

ContainerRecord read_record(const SmallFiles& description) {
    try {
        return record_in(description);
    } catch (const Json::exception& error) {
        refuse_description(fmt::format("cannot be read: {}", what_is_wrong(error)));
    }
}

std::vector<ContainerNetwork> read_networks(std::string_view status) {
    try {
        return networks_in(Json::parse(status));
    } catch (const Json::exception& error) {
        refuse_description(fmt::format("cannot be read: {}", what_is_wrong(error)));
    }
}

} // namespace cedana::containers
