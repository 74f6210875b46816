// SPDX-License-Identifier: Apache-2.0
// What podman's description of a container (config.dump, spec.dump) would have podman do on this host beside running
// the container: podman believes it. Pure.
#pragma once

#include "cedana/containers/host_access.hpp"
#include "cedana/containers/small_tar.hpp"
#include "cedana/model/container.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cedana::containers {

// `id`: of the container that it describes. Throws Error(Fault::checkpoint) for a description that cannot be read, and
// for one that no `podman run` leaves behind: hooks, a command at the end that is not podman's own, a root folder of
// the host.
[[nodiscard]] HostAccess read_host_access(const SmallFiles& description, const std::string& id);

// What a checkpoint says of the container; without its networks. Throws the same, and Error(Fault::usage) for the
// description of another engine.
[[nodiscard]] ContainerRecord read_record(const SmallFiles& description);
// Out of network.status. Throws the same.
[[nodiscard]] std::vector<ContainerNetwork> read_networks(std::string_view status);

// By which the container was made, as podman keeps it: a name or a path; empty where it says none. Throws the same.
[[nodiscard]] std::string runtime_in(const SmallFiles& description);
// Says that the container is to be made by another runtime than it was. Throws the same.
void change_runtime(SmallFiles& description, const std::string& runtime);

} // namespace cedana::containers
