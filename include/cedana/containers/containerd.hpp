// SPDX-License-Identifier: Apache-2.0
// Containers of containerd by itself, as its own client ctr knows them: a container is a description, and its task, if
// there is one, what runs. Both are of a namespace of containerd's, which is no namespace of the kernel's.
#pragma once

#include "cedana/containers/container.hpp"
#include "cedana/containers/engine.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana::containers {

struct ContainerdName {
    std::string space;
    std::string id;

    // "web", "k8s.io/web"
    [[nodiscard]] std::string text() const;
};
// "web" is of the namespace "default". Absent for what is no name of a container. Pure.
[[nodiscard]] std::optional<ContainerdName> parse_containerd_name(std::string_view name);

// What ctr is told, in the container's namespace.
[[nodiscard]] std::vector<std::string> in_space(const ContainerdName& name, std::vector<std::string> words);

struct ContainerdTask {
    pid_t pid = 0;
    // "running", "stopped"
    std::string status = {};
};
// Out of `ctr tasks list`. Absent: the container has none. Pure.
[[nodiscard]] std::optional<ContainerdTask> parse_task(std::string_view table, const std::string& id);
[[nodiscard]] std::optional<ContainerdTask> find_task(const Engine& engine, const ContainerdName& name);

// What `ctr containers info` says. Throws Error(Fault::environment) for what is none. Pure.
[[nodiscard]] Inspection parse_containerd(const ContainerdName& name, std::string_view info);
// The runtime's program; empty: containerd's default, which is runc. Its config.json. Likewise.
[[nodiscard]] std::string runtime_of_containerd(std::string_view info);
[[nodiscard]] std::string specification_of_containerd(std::string_view info);
// Where its files are; empty for one that is none of containerd's own making. Likewise.
struct ContainerdSnapshot {
    std::string snapshotter;
    std::string key;
};
[[nodiscard]] ContainerdSnapshot snapshot_of_containerd(std::string_view info);
// The upper folder in what `ctr snapshots mounts` prints, a command; empty: it mounts no overlay that can be written
// to. Pure.
[[nodiscard]] std::string upper_in_mount(std::string_view command);

} // namespace cedana::containers
