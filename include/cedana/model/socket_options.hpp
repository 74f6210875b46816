// SPDX-License-Identifier: Apache-2.0
// What the sockets of a tree are set to that CRIU leaves out of its images: only what is not as in a new socket.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct SocketOption {
    // "TCP_DEFER_ACCEPT"
    std::string name = {};
    // The bytes that getsockopt(2) gives.
    std::string value = {};

    bool operator==(const SocketOption&) const = default;
};

// A multicast group that it has joined.
struct GroupMembership {
    // Of the network device: "eth0".
    std::string device = {};
    // "224.1.2.3", "ff02::1:3"
    std::string group = {};
    // It takes what comes from `sources` alone; else all but that.
    bool only_sources = false;
    std::vector<std::string> sources = {};

    bool operator==(const GroupMembership&) const = default;
};

struct SocketOptions {
    // One descriptor of it; the pid as in ProcessAttributes.
    pid_t pid = 0;
    int fd = -1;
    std::vector<SocketOption> options = {};
    std::vector<GroupMembership> groups = {};

    bool operator==(const SocketOptions&) const = default;
};

} // namespace cedana
