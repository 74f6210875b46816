// SPDX-License-Identifier: Apache-2.0
// Unix sockets by inode, who is at the other end of one, and all that is to be known of the sockets of a tree.
#pragma once

#include "cedana/base/file_id.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/inet_sockets.hpp"
#include "cedana/process/procfs.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace cedana {

struct UnixSocket {
    // SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET
    int type = 0;
    bool listens = false;
    // The path or the abstract name ("@name") that it is bound to; empty without one.
    std::string name = {};
    // Of a path: the file, as far as the kernel tells it (unix_diag): the lower half of its inode's number.
    std::optional<FileId> file = std::nullopt;
    // 0 if it is not connected or its peer has closed.
    std::uint64_t peer = 0;
    // What it has sent and its peer has not read, in bytes of the kernel's account.
    std::uint32_t unread = 0;
    // For a listener: who waits to be accepted; 0 for one that has closed again.
    std::vector<std::uint64_t> waiting = {};
};

using UnixSockets = std::unordered_map<std::uint64_t, UnixSocket>;

// Every unix socket of cedana's own network namespace, asked of the kernel (sock_diag(7): /proc/net/unix does
// not know peers). Absent if the kernel does not answer.
[[nodiscard]] std::optional<UnixSockets> unix_sockets();

// For each of the sockets a process that has it open, if there is one; it may take a while to find them.
[[nodiscard]] std::map<std::uint64_t, pid_t> holders_of_sockets(const Procfs& procfs,
                                                                const std::set<std::uint64_t>& inodes);

// The sockets that a tree has open, and what the kernel tells of them.
struct TreeSockets {
    // The first process that has it open.
    std::map<std::uint64_t, const Holdings*> owners = {};
    // Of all network namespaces of the tree.
    InetSockets inet = {};
    // All of cedana's own network namespace; absent if the kernel does not answer, or if the tree has no sockets.
    std::optional<UnixSockets> unix_ones = std::nullopt;
};
// Refers to `tree`, which must outlive it.
[[nodiscard]] TreeSockets sockets_of(const Procfs& procfs, const TreeHoldings& tree);

} // namespace cedana
