// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/inet_sockets.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

#include <arpa/inet.h>

namespace cedana {

namespace {

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

} // namespace

bool InetSocket::listens() const noexcept { return protocol == InetProtocol::tcp && state == k_tcp_listening; }

bool InetSocket::is_connection() const noexcept {
    return protocol == InetProtocol::tcp && state != k_time_wait && state != k_closed && state != k_tcp_listening;
}

void add_inet_sockets(InetSockets& sockets, InetProtocol protocol, std::string_view table) {
    while (!table.empty()) {
        const std::string_view line = table.substr(0, table.find('\n'));
        table.remove_prefix(std::min(line.size() + 1, table.size()));
        const std::uint64_t state = unsigned_in(field(line, 3), 16);
        const std::uint64_t inode = unsigned_in(field(line, 9), 10);
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
    constexpr std::array<std::pair<const char*, InetProtocol>, 4> k_tables = {{{"net/tcp", InetProtocol::tcp},
                                                                               {"net/tcp6", InetProtocol::tcp},
                                                                               {"net/udp", InetProtocol::udp},
                                                                               {"net/udp6", InetProtocol::udp}}};
    InetSockets sockets;
    for (const auto& [table, protocol] : k_tables)
        add_inet_sockets(sockets, protocol, procfs.read(pid, table).value_or(""));
    return sockets;
}

} // namespace cedana
