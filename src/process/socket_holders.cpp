// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/socket_holders.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/file_id.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/process/open_files.hpp"
#include "cedana/process/sockets.hpp"

#include <array>
#include <map>
#include <set>
#include <string_view>

#include <spdlog/fmt/fmt.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cedana {

namespace {

using Inodes = std::set<std::uint64_t>;

std::vector<SocketHolder> holders_of(const Procfs& procfs, const Inodes& inodes) {
    const std::map<std::uint64_t, pid_t> known = holders_of_sockets(procfs, inodes);
    std::vector<SocketHolder> holders;
    for (const std::uint64_t inode : inodes) {
        const auto found = known.find(inode);
        holders.push_back({.pid = found == known.end() ? 0 : found->second});
    }
    return holders;
}

// unix_diag tells 32 bits of the inode's number; and a device that is not stat's where file systems make up one of
// their own (btrfs, overlayfs): then the name must be the same.
bool is_bound_to(const UnixSocket& socket, const FileId& file, const std::string& path) {
    return socket.file && socket.file->inode == (file.inode & 0xffffffffU) &&
           (socket.file->device == file.device || socket.name == path);
}

// "0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/a.sock": the inodes of those with this path.
Inodes inodes_in_table(std::string_view table, const std::string& path) {
    constexpr std::size_t k_before_inode = 6;
    Inodes inodes;
    for (const std::string& line : split(table, '\n')) {
        if (!line.ends_with(" " + path))
            continue;
        std::vector<std::string> words = split(line, ' ');
        std::erase(words, "");
        std::int64_t inode = 0;
        if (words.size() > k_before_inode && parse_number(words[k_before_inode], inode))
            inodes.insert(static_cast<std::uint64_t>(inode));
    }
    return inodes;
}

// unix_diag tells of one network namespace, /proc/PID/net/unix of each, but only names: the holder must see the same
// file under it.
void add_by_name(std::vector<SocketHolder>& holders, const Procfs& procfs, const FileId& file, const std::string& path,
                 const std::set<std::string>& known_namespaces) {
    std::set<std::string> seen = known_namespaces;
    Inodes inodes;
    for (const pid_t pid : procfs.pids()) {
        const auto network = procfs.link(pid, "ns/net");
        if (network && seen.insert(*network).second)
            inodes.merge(inodes_in_table(procfs.read(pid, "net/unix").value_or(""), path));
    }
    for (const auto& [inode, pid] : holders_of_sockets(procfs, inodes)) {
        const auto info = procfs.file(pid, ("root" + path).c_str());
        if (info && file_id(*info) == file)
            holders.push_back({.pid = pid});
    }
}

// As /proc/PID/net has it here (inet_sockets): IPv4 inside of IPv6 is IPv4.
std::string socket_address(const sockaddr_storage& name) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (name.ss_family == AF_INET) {
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(name).sin_addr, text.data(), text.size());
    } else {
        const in6_addr& address = reinterpret_cast<const sockaddr_in6&>(name).sin6_addr;
        const bool mapped = IN6_IS_ADDR_V4MAPPED(&address);
        ::inet_ntop(mapped ? AF_INET : AF_INET6, mapped ? &address.s6_addr[12] : &address.s6_addr[0], text.data(),
                    text.size());
    }
    return text.data();
}

// A socket of TCP or UDP that has a port; nothing is changed by asking.
std::optional<InetSocket> bound_socket(const UniqueFd& process, int fd) {
    const UniqueFd socket = copy_descriptor(process, fd);
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    int protocol = 0;
    socklen_t length = sizeof protocol;
    if (!socket || ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0 ||
        (name.ss_family != AF_INET && name.ss_family != AF_INET6) ||
        ::getsockopt(socket.get(), SOL_SOCKET, SO_PROTOCOL, &protocol, &length) != 0 ||
        (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_UDPLITE))
        return std::nullopt;
    // In both families it is in the same place.
    InetSocket found{.protocol = protocol == IPPROTO_TCP ? InetProtocol::tcp : InetProtocol::udp};
    found.ends.local_address = socket_address(name);
    found.ends.local_port = ntohs(reinterpret_cast<const sockaddr_in&>(name).sin_port);
    return found;
}

} // namespace

std::string SocketHolder::described(const Procfs& procfs) const {
    const auto stat = pid == 0 ? std::nullopt : procfs.stat(pid);
    return stat ? fmt::format("process {} ({})", pid, printable(stat->comm))
                : "a process that cannot be seen from here";
}

std::vector<SocketHolder> holders_of_path(const Procfs& procfs, const std::string& path) {
    struct ::stat info {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode))
        return {};
    const FileId file = file_id(info);
    std::vector<SocketHolder> holders;
    std::set<std::string> known;
    if (const auto sockets = unix_sockets()) {
        Inodes bound;
        for (const auto& [inode, socket] : *sockets)
            if (is_bound_to(socket, file, path))
                bound.insert(inode);
        holders = holders_of(procfs, bound);
        if (auto own = procfs.link(::getpid(), "ns/net"))
            known.insert(std::move(*own));
    }
    add_by_name(holders, procfs, file, path, known);
    return holders;
}

std::vector<SocketHolder> holders_of_abstract(const Procfs& procfs, int type, const std::string& name) {
    const auto sockets = unix_sockets();
    Inodes bound;
    if (sockets)
        for (const auto& [inode, socket] : *sockets)
            if (socket.type == type && socket.name == name)
                bound.insert(inode);
    return holders_of(procfs, bound);
}

std::vector<SocketHolder> holders_of_inet(const Procfs& procfs,
                                          const std::function<bool(const InetSocket&)>& is_meant) {
    Inodes inodes;
    for (const auto& [inode, socket] : inet_sockets(procfs, ::getpid()))
        if (is_meant(socket))
            inodes.insert(inode);
    return holders_of(procfs, inodes);
}

std::vector<SocketHolder> holders_of_bound(const Procfs& procfs,
                                           const std::function<bool(const InetSocket&)>& is_meant) {
    std::vector<SocketHolder> holders;
    Inodes seen;
    for (const auto& [inode, socket] : inet_sockets(procfs, ::getpid()))
        seen.insert(inode);
    for (const auto& [inode, socket] : unix_sockets().value_or(UnixSockets()))
        seen.insert(inode);
    const auto network = procfs.link(::getpid(), "ns/net");
    for (const pid_t pid : procfs.pids()) {
        if (procfs.link(pid, "ns/net") != network)
            continue;
        UniqueFd process;
        for (const std::string& number : procfs.names(pid, "fd")) {
            const auto inode = inode_of(procfs.link(pid, ("fd/" + number).c_str()).value_or(""), "socket");
            std::int64_t fd = 0;
            if (!inode || !parse_number(number, fd) || !seen.insert(*inode).second)
                continue;
            if (!process)
                process.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
            const auto socket = bound_socket(process, static_cast<int>(fd));
            if (socket && is_meant(*socket))
                holders.push_back({.pid = pid});
        }
    }
    return holders;
}

} // namespace cedana
