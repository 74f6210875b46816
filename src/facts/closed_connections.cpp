// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/closed_connections.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/process/identity.hpp"

#include <algorithm>
#include <cstdint>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "socket_number.hpp"

namespace cedana {

namespace {

bool is_listed(const TreeSockets& sockets, std::uint64_t inode) {
    return sockets.inet.contains(inode) || (sockets.unix_ones && sockets.unix_ones->contains(inode));
}

// A pid may be another process's by now, but the inode is the socket's alone.
bool is_this(const UniqueFd& fd, std::uint64_t inode) {
    struct ::stat info {};
    return fd && ::fstat(fd.get(), &info) == 0 && info.st_ino == inode;
}

// The port of an address of either family stands at the same place. The kernel takes no longer an address than the
// family has (net/core/sock.c, sk_getsockopt).
bool has_peer(const UniqueFd& fd) {
    sockaddr_storage peer{};
    socklen_t size = socket_number(fd, SO_DOMAIN) == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    constexpr int k_so_peername = 28;
    return ::getsockopt(fd.get(), SOL_SOCKET, k_so_peername, &peer, &size) == 0 &&
           reinterpret_cast<const sockaddr_in*>(&peer)->sin_port != 0;
}

UniqueFd duplicate(const Procfs& procfs, const Holdings& owner, std::uint64_t inode) {
    const auto file =
        std::ranges::find_if(owner.open, [&](const OpenFile& one) { return inode_of(one.target, "socket") == inode; });
    if (file == owner.open.end())
        return {};
    try {
        const ProcessHandle process = ProcessHandle::open(procfs, owner.process.pid());
        return copy_descriptor(process.pidfd(), file->fd);
    } catch (const Error&) {
        // It has ended.
        return {};
    }
}

} // namespace

bool has_closed_connection(const Procfs& procfs, const TreeSockets& sockets) {
    return std::ranges::any_of(sockets.owners, [&](const auto& one) {
        const auto& [inode, owner] = one;
        if (is_listed(sockets, inode))
            return false;
        const UniqueFd fd = duplicate(procfs, *owner, inode);
        return is_this(fd, inode) && socket_number(fd, SO_PROTOCOL) == IPPROTO_TCP &&
               socket_number(fd, SO_TYPE) == SOCK_STREAM && has_peer(fd);
    });
}

} // namespace cedana
