// SPDX-License-Identifier: Apache-2.0
// What a runtime keeps of a container that it has made (runc: state.json of libcontainer), as far as a dump needs it.
// What a runtime of its own says of its containers is whoever's who can write to its root: root's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana::containers {

struct RuntimeState {
    std::string id = {};
    pid_t pid = 0;
    std::uint64_t start_time = 0;
    // Where the root file system is mounted, as the host sees it.
    std::string root = {};
    // Of the bundle's config.json; empty where it is not said.
    std::string bundle = {};
    // In the container, all that is mounted from outside.
    std::vector<std::string> bind_mounts = {};
    // Where the control groups are mounted, if that is as bind mounts of the host's.
    std::vector<std::string> cgroup_mounts = {};
    std::vector<std::string> masked = {};
    std::vector<std::string> devices = {};
    // "NEWNET" → its path; empty for one that was made for the container.
    std::map<std::string, std::string> namespaces = {};
    // As runc wants to have them back: a JSON array.
    std::string external_descriptors = {};
};

// Throws Error(Fault::dump_failed) for what is none.
[[nodiscard]] RuntimeState parse_runtime_state(std::string_view text);

// What crun keeps of a container: its status, and the config.json that the container was made by. Throws the same.
[[nodiscard]] RuntimeState parse_crun_state(const std::string& id, std::string_view status,
                                            std::string_view specification);
// The folder in which crun keeps both, of a container's id; absent: it has none of that id.
[[nodiscard]] std::optional<std::filesystem::path> find_crun_folder(const std::string& id);

// The state.json of a container's id in the roots where engines have it: several where more than one engine, or more
// than one namespace of containerd, has the id.
[[nodiscard]] std::vector<std::filesystem::path> find_runtime_states(const std::string& id);
// Whether it is an id or a name that is safe in a path.
[[nodiscard]] bool is_plain_name(std::string_view name);

} // namespace cedana::containers
