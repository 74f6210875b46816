// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/facts/lasts.hpp"
#include "cedana/facts/refusal.hpp"
#include "cedana/process/sockets.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "close_hint.hpp"

namespace cedana {

namespace {

std::optional<int> option(const UniqueFd& socket, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(socket.get(), level, name, &value, &size) != 0)
        return std::nullopt;
    return value;
}

bool is_known_protocol(int type, int protocol) {
    switch (protocol) {
    case IPPROTO_IP:
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_RAW;
    default:
        return type == SOCK_RAW;
    }
}

// What CRIU does not know about it; empty if it is well known. criu/sockets.c, dump_socket; sk-inet.c,
// can_dump_ipproto and can_dump_inet_sk.
std::string strangeness(const UniqueFd& socket) {
    const auto family = option(socket, SOL_SOCKET, SO_DOMAIN);
    const auto type = option(socket, SOL_SOCKET, SO_TYPE);
    const auto protocol = option(socket, SOL_SOCKET, SO_PROTOCOL);
    if (!family || !type || !protocol || *family == AF_UNIX || *family == AF_PACKET || *family == AF_NETLINK)
        return {};
    if (*family != AF_INET && *family != AF_INET6)
        return *family == AF_VSOCK ? "a vsock socket" : fmt::format("a socket of address family {}", *family);
    if (is_known_protocol(*type, *protocol))
        return {};
    return *protocol == IPPROTO_MPTCP ? "a multipath TCP socket" : fmt::format("a socket of protocol {}", *protocol);
}

// Bit N of the kernel's list stands for group N+1 (netlink(7), NETLINK_LIST_MEMBERSHIPS).
std::array<std::uint32_t, 64> netlink_groups(const UniqueFd& socket) {
    std::array<std::uint32_t, 64> groups{};
    socklen_t size = sizeof groups;
    constexpr int k_netlink = 270;
    if (::getsockopt(socket.get(), k_netlink, NETLINK_LIST_MEMBERSHIPS, groups.data(), &size) != 0)
        return {};
    return groups;
}

bool has_high_group(const UniqueFd& socket) {
    const auto groups = netlink_groups(socket);
    return std::any_of(groups.begin() + 1, groups.end(), [](std::uint32_t word) { return word != 0; });
}

// In a group since it asked for that (NETLINK_ADD_MEMBERSHIP), but never bound.
bool is_in_group_without_address(const UniqueFd& socket) {
    sockaddr_nl address{};
    socklen_t size = sizeof address;
    return netlink_groups(socket)[0] != 0 &&
           ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 && address.nl_pid == 0;
}

std::optional<Refusal> refuse_socket(const TreeProcess& process, int fd) {
    const UniqueFd socket = copy_descriptor(process.handle.pidfd(), fd);
    if (!socket)
        return std::nullopt;
    if (const std::string strange = strangeness(socket); !strange.empty())
        return Refusal{.pid = process.pid(),
                       .sentence = fmt::format("{} has {} open (descriptor {}), which CRIU cannot dump",
                                               described(process.stat), strange, fd),
                       .hint = strange == "a multipath TCP socket"
                                   ? "start it without multipath TCP (for Go programs: GODEBUG=multipathtcp=0)"
                                   : k_close_hint,
                       .program_can_help = true};
    // CRIU: "Can't dump corked dgram socket"; the option exists for UDP only.
    if (option(socket, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM && option(socket, SOL_UDP, UDP_CORK).value_or(0) != 0)
        return Refusal{.pid = process.pid(),
                       .sentence =
                           fmt::format("{} has a corked UDP socket open (descriptor {}), which CRIU cannot dump",
                                       described(process.stat), fd),
                       .hint = "let the program send what it has collected and switch UDP_CORK off, for instance in "
                               "its handler of SIGUSR1 (client.signal_process_pre_dump)",
                       .program_can_help = true};
    return std::nullopt;
}

// criu/sk-netlink.c: "The socket has data to read", "has more than 32 groups", "is bound to groups but not to portid".
std::optional<Refusal> refuse_netlink(const TreeProcess& process, int fd) {
    const UniqueFd socket = copy_descriptor(process.handle.pidfd(), fd);
    if (!socket || option(socket, SOL_SOCKET, SO_DOMAIN) != AF_NETLINK)
        return std::nullopt;
    Refusal refusal{.pid = process.pid(), .sentence = {}, .hint = k_close_hint, .program_can_help = true};
    if (has_high_group(socket))
        refusal.sentence = fmt::format("{} listens to more groups of netlink (descriptor {}) than CRIU can dump",
                                       described(process.stat), fd);
    else if (is_in_group_without_address(socket)) {
        refusal.sentence = fmt::format("{} listens to a group of netlink by a socket without an address (descriptor "
                                       "{}), and CRIU cannot dump that",
                                       described(process.stat), fd);
        refusal.hint = "let the program bind the socket (bind(2) with nl_pid 0 is enough), or close it before the dump";
    }
    // Where messages come and go, one that is not read at once is normal.
    else if (lasts([&] {
                 pollfd one{.fd = socket.get(), .events = POLLIN, .revents = 0};
                 return ::poll(&one, 1, 0) > 0;
             })) {
        refusal.sentence = fmt::format("{} has a netlink socket open (descriptor {}) that holds data which it has not "
                                       "read, and CRIU cannot dump that",
                                       described(process.stat), fd);
        refusal.hint = "let the program read it, or close the socket before the dump, for instance in its handler of "
                       "SIGUSR1 (client.signal_process_pre_dump)";
    }
    return refusal.sentence.empty() ? std::nullopt : std::optional(std::move(refusal));
}

// criu/sk-queue.c, dump_packet_cmsg: "Control messages in queue, not supported", but for descriptors. What a program
// asks to be told by these options comes with each message, and who sent it could not be said again at a restore.
std::optional<Refusal> refuse_senders(const TreeProcess& process, int fd) {
    constexpr auto k_told = std::to_array<std::pair<int, const char*>>({
        {SO_PASSCRED, "SO_PASSCRED"}, {SO_PASSSEC, "SO_PASSSEC"}, {76, "SO_PASSPIDFD"}, // Linux 6.5
    });
    const UniqueFd socket = copy_descriptor(process.handle.pidfd(), fd);
    if (!socket || option(socket, SOL_SOCKET, SO_DOMAIN) != AF_UNIX)
        return std::nullopt;
    const auto* const told =
        std::ranges::find_if(k_told, [&](const auto& one) { return option(socket, SOL_SOCKET, one.first) == 1; });
    // Where messages come and go, one that is not read at once is normal.
    if (told == k_told.end() || !lasts([&] {
            int bytes = 0;
            return ::ioctl(socket.get(), FIONREAD, &bytes) == 0 && bytes > 0;
        }))
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence =
                       fmt::format("{} has not read what was sent to its unix socket (descriptor {}), and is to "
                                   "be told with it who sent it ({}), which CRIU cannot dump",
                                   described(process.stat), fd, told->second),
                   .hint = "let the program read it, or switch the option off before the dump, for instance in its "
                           "handler of SIGUSR1 (client.signal_process_pre_dump)",
                   .program_can_help = true};
}

using Owners = std::map<std::uint64_t, const TreeProcess*>;

// A connection to a listener of the tree that was not accepted yet. CRIU makes it anew unless there are data in it
// ("Non-empty write queue on an in-flight socket") or its other end is gone ("Found a closed in-flight socket").
const TreeProcess* find_lost_connection(const Owners& owners) {
    const auto sockets = unix_sockets();
    if (!sockets)
        return nullptr;
    for (const auto& [inode, owner] : owners) {
        const auto listener = sockets->find(inode);
        if (listener == sockets->end())
            continue;
        for (const std::uint64_t waiting : listener->second.waiting) {
            const auto client = sockets->find(waiting);
            if (waiting == 0 || (owners.contains(waiting) && client != sockets->end() && client->second.unread != 0))
                return owner;
        }
    }
    return nullptr;
}

std::optional<Refusal> refuse_lost_connection(const Owners& owners) {
    const TreeProcess* listener = nullptr;
    // Where connections come and go, one that is not accepted at once is normal.
    if (owners.empty() || !lasts([&] { return (listener = find_lost_connection(owners)) != nullptr; }))
        return std::nullopt;
    return Refusal{.pid = listener->pid(),
                   .sentence = fmt::format("{} has not accepted a connection to its unix socket that holds data or was "
                                           "closed again, and CRIU cannot dump that",
                                           described(listener->stat)),
                   .hint = "let the program accept its connections first, for instance in its handler of SIGUSR1 "
                           "(client.signal_process_pre_dump)",
                   .program_can_help = true};
}

// The first listener of the tree with such a connection.
const Holdings* find_backlog(const TreeHoldings& tree, const InetSockets& inet) {
    for (const Holdings& one : tree) {
        for (const OpenFile& file : one.open) {
            const auto inode = inode_of(file.target, "socket");
            const auto socket = inode ? inet.find(*inode) : inet.end();
            if (socket != inet.end() && socket->second.waiting != 0)
                return &one;
        }
    }
    return nullptr;
}

// criu/sk-inet.c, can_dump_inet_sk: "In-flight connection (l)".
std::optional<Refusal> refuse_backlog(const Procfs& procfs, const TreeHoldings& tree, const InetSockets& inet) {
    const Holdings* listener = find_backlog(tree, inet);
    // A server that is busy accepts them a moment later.
    if (listener == nullptr || !lasts([&] {
            return (listener = find_backlog(tree, inet_sockets(procfs, listener->process.pid()))) != nullptr;
        }))
        return std::nullopt;
    return Refusal{.pid = listener->process.pid(),
                   .sentence = fmt::format("{} has not accepted a TCP connection to it, and CRIU cannot dump that",
                                           described(listener->process.stat)),
                   .hint = "let the program accept its connections first, or pass --criu-arg=--skip-in-flight: then "
                           "such connections are not in the checkpoint",
                   .program_can_help = true,
                   .passed_with = "--skip-in-flight"};
}

} // namespace

std::vector<Refusal> refused_sockets(const Procfs& procfs, const TreeHoldings& tree, const InetSockets& inet) {
    std::vector<Refusal> refusals;
    Owners owners;
    for (const Holdings& one : tree) {
        for (const OpenFile& file : one.open) {
            const auto inode = inode_of(file.target, "socket");
            // A socket is often open in many processes.
            if (!inode || !owners.emplace(*inode, &one.process).second)
                continue;
            auto refusal = refuse_socket(one.process, file.fd);
            if (!refusal)
                refusal = refuse_netlink(one.process, file.fd);
            if (!refusal)
                refusal = refuse_senders(one.process, file.fd);
            if (refusal)
                refusals.push_back(std::move(*refusal));
        }
    }
    if (auto refusal = refuse_lost_connection(owners))
        refusals.push_back(std::move(*refusal));
    if (auto refusal = refuse_backlog(procfs, tree, inet))
        refusals.push_back(std::move(*refusal));
    return refusals;
}

} // namespace cedana
