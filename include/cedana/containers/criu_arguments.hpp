// SPDX-License-Identifier: Apache-2.0
// CRIU's options for the dump of a container: what of it is not its own. The same that runc itself would give, so that
// runc finds in the images what it looks for at a restore. Pure.
#pragma once

#include "cedana/base/mounts.hpp"
#include "cedana/containers/container.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cedana::containers {

// What only the kernel knows.
struct SeenInside {
    // Of the container's main process.
    std::vector<Mount> mounts;
    // Where a path in the container leads to, links followed; absent: nowhere.
    std::function<std::optional<std::string>(const std::string&)> resolve;
    // The inode of its namespace: "net", "pid".
    std::function<std::uint64_t(const std::string&)> inode_of_namespace;
};

[[nodiscard]] std::vector<std::string> criu_arguments(const Container& container, const SeenInside& inside);

// Of a container that runs. Throws Error.
[[nodiscard]] SeenInside look_inside(pid_t pid);

} // namespace cedana::containers
