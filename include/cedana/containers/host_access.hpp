// SPDX-License-Identifier: Apache-2.0
// What a container would have of this host, and be able to do on it. Data only.
#pragma once

#include <set>
#include <string>

namespace cedana::containers {

struct HostAccess {
    // Paths of the host that are mounted in the container, and devices of it.
    std::set<std::string> paths = {};
    // What it may do that other containers may not: "--privileged", "the host's pid namespace".
    std::set<std::string> privileges = {};
};

} // namespace cedana::containers
