// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/sockets.hpp"

#include "cedana/base/unique_fd.hpp"
#include "cedana/process/open_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string>

#include <spdlog/fmt/fmt.h>

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

namespace cedana {

namespace {

// States of include/net/tcp_states.h that are no connection (any more); CRIU takes all others for one.
constexpr int k_time_wait = 6;
constexpr int k_closed = 7;
constexpr int k_listening = 10;

std::uint64_t parse(std::string_view text, int base) {
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
        bytes[i] = static_cast<std::uint32_t>(parse(words.substr(i * k_digits, k_digits), 16));
    std::array<char, INET6_ADDRSTRLEN> text{};
    // IPv4 inside IPv6, ::ffff:10.0.0.1, is the host's IPv4 address.
    const bool mapped = count == bytes.size() && bytes[0] == 0 && bytes[1] == 0 && bytes[2] == htonl(0xffff);
    if (count == 1 || mapped)
        ::inet_ntop(AF_INET, mapped ? &bytes[3] : bytes.data(), text.data(), text.size());
    else
        ::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
    return text.data();
}

// "0100007F:1F90"
TcpConnection connection_of(std::string_view local, std::string_view remote) {
    const auto port = [](std::string_view end) {
        return static_cast<std::uint16_t>(parse(end.substr(std::min(end.find(':') + 1, end.size())), 16));
    };
    return {.local_address = address_of(local.substr(0, local.find(':'))),
            .local_port = port(local),
            .remote_address = address_of(remote.substr(0, remote.find(':'))),
            .remote_port = port(remote)};
}

bool ask_for_all_unix_sockets(int netlink) {
    struct {
        nlmsghdr header;
        unix_diag_req request;
    } message{};
    message.header.nlmsg_len = sizeof message;
    message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    message.request.sdiag_family = AF_UNIX;
    message.request.udiag_states = ~0U;
    message.request.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN;
    return ::send(netlink, &message, sizeof message, 0) == sizeof message;
}

template <typename Header>
Header header_at(std::string_view bytes) {
    Header header{};
    std::memcpy(&header, bytes.data(), std::min(sizeof header, bytes.size()));
    return header;
}

// Attributes and messages start at multiples of 4.
std::string_view after(std::string_view bytes, std::size_t length) {
    return bytes.substr(std::min((length + 3) / 4 * 4, bytes.size()));
}

// For a listener the queue lengths mean other things: "unread" would be its backlog.
void take_attribute(UnixSocket& socket, unsigned type, std::string_view value, bool listens) {
    if (type == UNIX_DIAG_PEER)
        socket.peer = header_at<std::uint32_t>(value);
    else if (type == UNIX_DIAG_NAME)
        socket.named = true;
    else if (type == UNIX_DIAG_RQLEN && !listens)
        socket.unread = header_at<unix_diag_rqlen>(value).udiag_wqueue;
    for (; type == UNIX_DIAG_ICONS && value.size() >= sizeof(std::uint32_t); value.remove_prefix(sizeof(std::uint32_t)))
        socket.waiting.push_back(header_at<std::uint32_t>(value));
}

void take_attributes(UnixSocket& socket, std::string_view attributes, bool listens) {
    while (attributes.size() >= sizeof(rtattr)) {
        const auto attribute = header_at<rtattr>(attributes);
        if (attribute.rta_len < sizeof(rtattr))
            return;
        take_attribute(socket, attribute.rta_type,
                       attributes.substr(sizeof(rtattr), attribute.rta_len - sizeof(rtattr)), listens);
        attributes = after(attributes, attribute.rta_len);
    }
}

using UnixSockets = std::unordered_map<std::uint64_t, UnixSocket>;

enum class Reply { more, complete, refused };

Reply take_reply(UnixSockets& sockets, std::string_view bytes) {
    while (bytes.size() >= sizeof(nlmsghdr)) {
        const auto header = header_at<nlmsghdr>(bytes);
        if (header.nlmsg_len < sizeof(nlmsghdr) || header.nlmsg_len > bytes.size())
            return Reply::refused;
        if (header.nlmsg_type == NLMSG_DONE)
            return Reply::complete;
        if (header.nlmsg_type == NLMSG_ERROR)
            return Reply::refused;
        const std::string_view body = bytes.substr(sizeof(nlmsghdr), header.nlmsg_len - sizeof(nlmsghdr));
        const auto message = header_at<unix_diag_msg>(body);
        UnixSocket& socket = sockets[message.udiag_ino] = {.type = message.udiag_type};
        take_attributes(socket, after(body, sizeof message), message.udiag_state == k_listening);
        bytes = after(bytes, header.nlmsg_len);
    }
    return Reply::more;
}

} // namespace

void add_connected(TcpConnections& connections, std::string_view table) {
    while (!table.empty()) {
        const std::string_view line = table.substr(0, table.find('\n'));
        table.remove_prefix(std::min(line.size() + 1, table.size()));
        const std::uint64_t state = parse(field(line, 3), 16);
        const std::uint64_t inode = parse(field(line, 9), 10);
        if (inode != 0 && state != 0 && state != k_time_wait && state != k_closed && state != k_listening)
            connections.emplace(inode, connection_of(field(line, 1), field(line, 2)));
    }
}

TcpConnections tcp_connections(const Procfs& procfs, pid_t pid) {
    TcpConnections connections;
    for (const char* table : {"net/tcp", "net/tcp6"})
        add_connected(connections, procfs.read(pid, table).value_or(""));
    return connections;
}

std::optional<UnixSockets> unix_sockets() {
    const UniqueFd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!netlink || !ask_for_all_unix_sockets(netlink.get()))
        return std::nullopt;
    UnixSockets sockets;
    std::array<char, 64 * 1024> buffer;
    while (true) {
        const ssize_t count = ::recv(netlink.get(), buffer.data(), buffer.size(), 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return std::nullopt;
        const Reply reply = take_reply(sockets, {buffer.data(), static_cast<std::size_t>(count)});
        if (reply == Reply::complete)
            return sockets;
        if (reply == Reply::refused)
            return std::nullopt;
    }
}

std::optional<pid_t> holder_of_socket(const Procfs& procfs, std::uint64_t inode) {
    const std::string wanted = fmt::format("socket:[{}]", inode);
    for (const pid_t pid : procfs.pids())
        for (const std::string& name : procfs.names(pid, "fd"))
            if (procfs.link(pid, ("fd/" + name).c_str()) == wanted)
                return pid;
    return std::nullopt;
}

} // namespace cedana
