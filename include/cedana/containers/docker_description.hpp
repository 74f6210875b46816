// SPDX-License-Identifier: Apache-2.0
// What docker has said of a container (`docker inspect`), read as what is to be told to it so that it makes the same
// again. Pure.
#pragma once

#include "cedana/containers/host_access.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cedana::containers {

// One network that the container is in.
struct DockerEndpoint {
    std::string network;
    // Without and with the address that it had, for POST /networks/NAME/connect; the second is empty where the network
    // gives addresses itself.
    std::string plain;
    std::string with_address;
};

struct DockerRequest {
    // For POST /containers/create.
    std::string body;
    // Those of docker's own (bridge, host, none) are in the body.
    std::vector<DockerEndpoint> endpoints;
    // By their names: they must be there, or docker would make them.
    std::vector<std::string> volumes;
};

// `runtime`, `image`: by which it is to be made. Throws Error(Fault::checkpoint) for a text that is none of docker's.
[[nodiscard]] DockerRequest read_docker_request(std::string_view inspection, const std::string& runtime,
                                                const std::string& image);

// What docker would give the container of this host. Throws the same.
[[nodiscard]] HostAccess read_docker_access(std::string_view inspection);

} // namespace cedana::containers
