// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/inet_sockets.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/netlink.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

namespace cedana {

namespace {

// Of include/net/tcp_states.h: those of a connection that its program has closed.
constexpr int k_fin_wait1 = 4;
constexpr int k_fin_wait2 = 5;
constexpr int k_last_ack = 9;
constexpr int k_closing = 11;
// States that are no connection (any more).
constexpr int k_time_wait = 6;
constexpr int k_closed = 7;

std::uint64_t unsigned_in(std::string_view text, int base) {
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number, base);
    return number;
}

// Field `wanted` of a line, counted from 0.
std::string_view field(std::string_view line, std::size_t wanted) {
    for (std::size_t i = 0;; ++i) {
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        const std::string_view word = line.substr(0, line.find(' '));
        if (i == wanted || word.empty())
            return word;
        line.remove_prefix(word.size());
    }
}

// "0100007F" or four such words: each is a number in the byte order of this machine, which holds the address in that of
// the network (net/ipv4/tcp_ipv4.c, net/ipv6/tcp_ipv6.c).
std::string address_of(std::string_view words) {
    constexpr std::size_t k_digits = 8;
    std::array<std::uint32_t, 4> bytes{};
    const std::size_t count = words.size() / k_digits;
    if (count != 1 && count != bytes.size())
        return {};
    for (std::size_t i = 0; i < count; ++i)
        bytes[i] = static_cast<std::uint32_t>(unsigned_in(words.substr(i * k_digits, k_digits), 16));
    std::array<char, INET6_ADDRSTRLEN> text{};
    // IPv4 inside IPv6, ::ffff:10.0.0.1, is the host's IPv4 address.
    const bool mapped = count == bytes.size() && bytes[0] == 0 && bytes[1] == 0 && bytes[2] == htonl(0xffff);
    if (count == 1 || mapped)
        ::inet_ntop(AF_INET, mapped ? &bytes[3] : bytes.data(), text.data(), text.size());
    else
        ::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
    return text.data();
}

// "00000000:00000001": what is to be sent, and what was received; of a listener that is connections
// (net/ipv4/tcp_ipv4.c, get_tcp4_sock).
std::uint64_t received(std::string_view queues) {
    return unsigned_in(queues.substr(std::min(queues.find(':') + 1, queues.size())), 16);
}

// "0100007F:1F90"
TcpConnection connection_of(std::string_view local, std::string_view remote) {
    const auto port = [](std::string_view end) {
        return static_cast<std::uint16_t>(unsigned_in(end.substr(std::min(end.find(':') + 1, end.size())), 16));
    };
    return {.local_address = address_of(local.substr(0, local.find(':'))),
            .local_port = port(local),
            .remote_address = address_of(remote.substr(0, remote.find(':'))),
            .remote_port = port(remote)};
}

// The line up to the next, which the table then begins with.
std::string_view take_line(std::string_view& table) {
    const std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(line.size() + 1, table.size()));
    return line;
}

std::uint64_t state_in(std::string_view line) { return unsigned_in(field(line, 3), 16); }
std::uint64_t inode_in(std::string_view line) { return unsigned_in(field(line, 9), 10); }

constexpr std::array<std::pair<const char*, InetProtocol>, 4> k_tables = {{{"net/tcp", InetProtocol::tcp},
                                                                           {"net/tcp6", InetProtocol::tcp},
                                                                           {"net/udp", InetProtocol::udp},
                                                                           {"net/udp6", InetProtocol::udp}}};

// How inet_diag names one (net/ipv4/inet_diag.c, inet_diag_find_one_icsk): IPv4 inside of IPv6 is found as IPv4.
inet_diag_req_v2 request_about(const TcpConnection& ends) {
    inet_diag_req_v2 request{};
    request.sdiag_protocol = IPPROTO_TCP;
    const bool is_v6 = ends.local_address.find(':') != std::string::npos;
    request.sdiag_family = is_v6 ? AF_INET6 : AF_INET;
    ::inet_pton(request.sdiag_family, ends.local_address.c_str(), &request.id.idiag_src);
    ::inet_pton(request.sdiag_family, ends.remote_address.c_str(), &request.id.idiag_dst);
    request.id.idiag_sport = htons(ends.local_port);
    request.id.idiag_dport = htons(ends.remote_port);
    request.id.idiag_cookie[0] = request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return request;
}

} // namespace

bool InetSocket::listens() const noexcept { return protocol == InetProtocol::tcp && state == k_tcp_listening; }

bool InetSocket::is_connection() const noexcept {
    return protocol == InetProtocol::tcp && state != k_time_wait && state != k_closed && state != k_tcp_listening;
}

void add_inet_sockets(InetSockets& sockets, InetProtocol protocol, std::string_view table) {
    while (!table.empty()) {
        const std::string_view line = take_line(table);
        const std::uint64_t state = state_in(line);
        const std::uint64_t inode = inode_in(line);
        if (inode != 0 && state != 0) {
            InetSocket socket{.protocol = protocol,
                              .state = static_cast<int>(state),
                              .ends = connection_of(field(line, 1), field(line, 2))};
            if (socket.listens())
                socket.waiting = received(field(line, 4));
            sockets.emplace(inode, std::move(socket));
        }
    }
}

InetSockets inet_sockets(const Procfs& procfs, pid_t pid) {
    InetSockets sockets;
    for (const auto& [table, protocol] : k_tables)
        add_inet_sockets(sockets, protocol, procfs.read(pid, table).value_or(""));
    return sockets;
}

void add_ended_connections(std::vector<EndedConnection>& ended, std::string_view table) {
    constexpr std::array<std::uint64_t, 5> k_states = {k_fin_wait1, k_fin_wait2, k_time_wait, k_last_ack, k_closing};
    while (!table.empty()) {
        const std::string_view line = take_line(table);
        const std::uint64_t state = state_in(line);
        if (inode_in(line) == 0 && std::ranges::count(k_states, state) != 0)
            ended.push_back({.has_sent_all = state == k_time_wait || state == k_fin_wait2,
                             .ends = connection_of(field(line, 1), field(line, 2))});
    }
}

std::vector<EndedConnection> ended_connections(const Procfs& procfs, pid_t pid) {
    std::vector<EndedConnection> ended;
    for (const auto& [table, protocol] : k_tables)
        if (protocol == InetProtocol::tcp)
            add_ended_connections(ended, procfs.read(pid, table).value_or(""));
    return ended;
}

bool forget(const EndedConnection& ended) {
    try {
        NetlinkRequest request(SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK);
        request.header(request_about(ended.ends));
        return NetlinkSocket(NETLINK_SOCK_DIAG).acknowledged({&request, 1}) == 0;
    } catch (const Error&) {
        return false;
    }
}

} // namespace cedana
