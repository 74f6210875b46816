// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/sockets.hpp"

#include "cedana/base/unique_fd.hpp"
#include "cedana/process/open_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include <spdlog/fmt/fmt.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

namespace cedana {

namespace {

// Of include/net/tcp_states.h.
constexpr int k_listening = 10;

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

// An abstract name begins with a zero byte (unix(7)), and a path may end with one.
std::string name_of(std::string_view bytes) {
    if (bytes.starts_with('\0'))
        return fmt::format("@{}", bytes.substr(1));
    return std::string(bytes.substr(0, bytes.find('\0')));
}

// For a listener the queue lengths mean other things: "unread" would be its backlog.
void take_attribute(UnixSocket& socket, unsigned type, std::string_view value, bool listens) {
    if (type == UNIX_DIAG_PEER)
        socket.peer = header_at<std::uint32_t>(value);
    else if (type == UNIX_DIAG_NAME)
        socket.name = name_of(value);
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
        UnixSocket& socket =
            sockets[message.udiag_ino] = {.type = message.udiag_type, .listens = message.udiag_state == k_listening};
        take_attributes(socket, after(body, sizeof message), socket.listens);
        bytes = after(bytes, header.nlmsg_len);
    }
    return Reply::more;
}

} // namespace

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

std::map<std::uint64_t, pid_t> holders_of_sockets(const Procfs& procfs, const std::set<std::uint64_t>& inodes) {
    std::map<std::uint64_t, pid_t> holders;
    if (inodes.empty())
        return holders;
    for (const pid_t pid : procfs.pids()) {
        for (const std::string& name : procfs.names(pid, "fd")) {
            const auto inode = inode_of(procfs.link(pid, ("fd/" + name).c_str()).value_or(""), "socket");
            if (inode && inodes.contains(*inode))
                holders.emplace(*inode, pid);
        }
        if (holders.size() == inodes.size())
            break;
    }
    return holders;
}

TreeSockets sockets_of(const Procfs& procfs, const TreeHoldings& tree) {
    TreeSockets sockets;
    for (const Holdings& one : tree)
        for (const OpenFile& file : one.open)
            if (const auto inode = inode_of(file.target, "socket"))
                sockets.owners.emplace(*inode, &one);
    if (sockets.owners.empty())
        return sockets;
    std::set<std::string> known;
    for (const Holdings& one : tree)
        if (known.insert(one.namespaces.get("net").value_or("")).second)
            sockets.inet.merge(inet_sockets(procfs, one.process.pid()));
    std::erase_if(sockets.inet, [&](const auto& one) { return !sockets.owners.contains(one.first); });
    sockets.unix_ones = unix_sockets();
    return sockets;
}

} // namespace cedana
