// SPDX-License-Identifier: Apache-2.0
// A TCP connection of a tree. It comes back only where its local address is still there.
#pragma once

#include <cstdint>
#include <string>

namespace cedana {

struct TcpConnection {
    // "10.0.0.1", "fe80::1"
    std::string local_address = {};
    std::uint16_t local_port = 0;
    std::string remote_address = {};
    std::uint16_t remote_port = 0;

    bool operator==(const TcpConnection&) const = default;
};

} // namespace cedana
