// SPDX-License-Identifier: Apache-2.0
// TCP and UDP sockets as /proc/PID/net lists them for the network namespace of a process.
#pragma once

#include "cedana/model/tcp_connection.hpp"
#include "cedana/process/procfs.hpp"

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cedana {

// Of include/net/tcp_states.h, which unix sockets borrow too.
inline constexpr int k_tcp_listening = 10;

enum class InetProtocol { tcp, udp };

struct InetSocket {
    InetProtocol protocol = InetProtocol::tcp;
    // Of include/net/tcp_states.h, which UDP borrows.
    int state = 0;
    // A listener's remote address is that of nobody.
    TcpConnection ends = {};

    // For a listener: connections that are made and not accepted yet.
    std::uint64_t waiting = 0;

    [[nodiscard]] bool listens() const noexcept;
    // Connected, or on its way to it or from it, as CRIU takes it.
    [[nodiscard]] bool is_connection() const noexcept;
};

// By the inode of the socket.
using InetSockets = std::unordered_map<std::uint64_t, InetSocket>;

// A TCP connection that no process has open any more, which the kernel keeps: until all that was written to it has
// arrived, and then for a minute.
struct EndedConnection {
    // Nothing is left to be sent: TIME_WAIT, or FIN_WAIT2.
    bool has_sent_all = false;
    TcpConnection ends = {};
};
[[nodiscard]] std::vector<EndedConnection> ended_connections(const Procfs& procfs, pid_t pid);
// Adds those of one table in the format of /proc/net/tcp.
void add_ended_connections(std::vector<EndedConnection>& ended, std::string_view table);
// Has the kernel forget it, in the network namespace of this process, as `ss -K` does: false where it cannot
// (CONFIG_INET_DIAG_DESTROY), or where there is none by now. Its peer is told nothing.
bool forget(const EndedConnection& ended);

[[nodiscard]] InetSockets inet_sockets(const Procfs& procfs, pid_t pid);
// Adds those of one table in the format of /proc/net/tcp.
void add_inet_sockets(InetSockets& sockets, InetProtocol protocol, std::string_view table);

} // namespace cedana
