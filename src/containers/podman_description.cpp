// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/podman_description.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
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
        const auto options = inner(mount, "options").is_array()
                                 ? inner(mount, "options").get<std::vector<std::string>>()
                                 : std::vector<std::string>();
        const auto is_binding = [](const std::string& option) { return option == "bind" || option == "rbind"; };
        if (inner(mount, "type") != "bind" && std::ranges::none_of(options, is_binding))
            return;
        const auto source = inner(mount, "source").get<std::string>();
        if (!is_engines_own(source))
            access_.paths.insert(source);
    }

    // podman's own files of the container, which it makes anew, and volumes that it looks for by their names.
    [[nodiscard]] bool is_engines_own(const std::string& source) const {
        const std::string normal = std::filesystem::path(source).lexically_normal().string();
        if (normal.find(fmt::format("/overlay-containers/{}/userdata/", id_)) != std::string::npos)
            return true;
        return std::ranges::any_of(volumes_, [&](const std::string& name) {
            return normal.ends_with(fmt::format("/volumes/{}/_data", name));
        });
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

} // namespace

void change_runtime(SmallFiles& description, const std::string& runtime) {
    try {
        Json config = parsed(description, k_podman_config);
        config["runtime"] = runtime;
        description[k_podman_config] = config.dump();
    } catch (const Json::exception& error) {
        refuse_description(fmt::format("cannot be read: {}", error.what()));
    }
}

std::string runtime_in(const SmallFiles& description) {
    try {
        const Json config = parsed(description, k_podman_config);
        return config.value("runtime", "");
    } catch (const Json::exception& error) {
        refuse_description(fmt::format("cannot be read: {}", error.what()));
    }
}

HostAccess read_host_access(const SmallFiles& description, const std::string& id) {
    try {
        return DescriptionReader(description, id).take();
    } catch (const Json::exception& error) {
        refuse_description(fmt::format("cannot be read: {}", error.what()));
    }
}

} // namespace cedana::containers
