// SPDX-License-Identifier: Apache-2.0
// Sockets by inode: which TCP connections exist, and who is at the other end of a unix socket.
#pragma once

#include "cedana/model/tcp_connection.hpp"
#include "cedana/process/procfs.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cedana {

// By the inode of the socket.
using TcpConnections = std::unordered_map<std::uint64_t, TcpConnection>;

// The TCP sockets in the network namespace of `pid` that are connected or on their way to it or from it.
[[nodiscard]] TcpConnections tcp_connections(const Procfs& procfs, pid_t pid);
// Adds those of one table in the format of /proc/net/tcp.
void add_connected(TcpConnections& connections, std::string_view table);

struct UnixSocket {
    // SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET
    int type = 0;
    // It is bound to a path or to an abstract name.
    bool named = false;
    // 0 if it is not connected or its peer has closed.
    std::uint64_t peer = 0;
    // What it has sent and its peer has not read, in bytes of the kernel's account.
    std::uint32_t unread = 0;
    // For a listener: who waits to be accepted; 0 for one that has closed again.
    std::vector<std::uint64_t> waiting = {};
};

// Every unix socket of cedana's own network namespace, asked of the kernel (sock_diag(7): /proc/net/unix does
// not know peers). Absent if the kernel does not answer.
[[nodiscard]] std::optional<std::unordered_map<std::uint64_t, UnixSocket>> unix_sockets();

// A process that has the socket open; it may take a while to find it.
[[nodiscard]] std::optional<pid_t> holder_of_socket(const Procfs& procfs, std::uint64_t inode);

} // namespace cedana
