// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/sockets.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/netlink.hpp"
#include "cedana/process/inet_sockets.hpp"
#include "cedana/process/open_files.hpp"

#include <string>
#include <string_view>

#include <spdlog/fmt/fmt.h>

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

namespace cedana {

namespace {

NetlinkRequest all_unix_sockets() {
    unix_diag_req request{};
    request.sdiag_family = AF_UNIX;
    request.udiag_states = ~0U;
    request.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN;
    return NetlinkRequest(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP).header(request);
}

// An abstract name begins with a zero byte (unix(7)), and a path may end with one.
std::string name_of(std::string_view bytes) {
    if (bytes.starts_with('\0'))
        return fmt::format("@{}", bytes.substr(1));
    return std::string(bytes.substr(0, bytes.find('\0')));
}

std::vector<std::uint64_t> inodes_in(std::string_view bytes) {
    std::vector<std::uint64_t> inodes;
    for (; bytes.size() >= sizeof(std::uint32_t); bytes.remove_prefix(sizeof(std::uint32_t)))
        inodes.push_back(NetlinkAttribute{.value = bytes}.as<std::uint32_t>());
    return inodes;
}

// The kernel's own dev_t (include/linux/kdev_t.h), which is not that of stat(2).
FileId file_of(const unix_diag_vfs& vfs) {
    constexpr unsigned k_minor_bits = 20;
    return {.device = ::makedev(vfs.udiag_vfs_dev >> k_minor_bits, vfs.udiag_vfs_dev & ((1U << k_minor_bits) - 1)),
            .inode = vfs.udiag_vfs_ino};
}

UnixSocket socket_in(const NetlinkMessage& message) {
    const auto header = message.header<unix_diag_msg>();
    UnixSocket socket{.type = header.udiag_type, .listens = header.udiag_state == k_tcp_listening};
    for (const NetlinkAttribute& attribute : message.attributes(sizeof header)) {
        if (attribute.type == UNIX_DIAG_PEER)
            socket.peer = attribute.as<std::uint32_t>();
        else if (attribute.type == UNIX_DIAG_NAME)
            socket.name = name_of(attribute.value);
        else if (attribute.type == UNIX_DIAG_VFS)
            socket.file = file_of(attribute.as<unix_diag_vfs>());
        // For a listener the queue lengths mean other things: "unread" would be its backlog.
        else if (attribute.type == UNIX_DIAG_RQLEN && !socket.listens)
            socket.unread = attribute.as<unix_diag_rqlen>().udiag_wqueue;
        else if (attribute.type == UNIX_DIAG_ICONS)
            socket.waiting = inodes_in(attribute.value);
    }
    return socket;
}

} // namespace

std::optional<UnixSockets> unix_sockets() {
    try {
        UnixSockets sockets;
        for (const NetlinkMessage& message : NetlinkSocket(NETLINK_SOCK_DIAG).list(all_unix_sockets()))
            sockets[message.header<unix_diag_msg>().udiag_ino] = socket_in(message);
        return sockets;
    } catch (const Error&) {
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
