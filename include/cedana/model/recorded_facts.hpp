// SPDX-License-Identifier: Apache-2.0
// What was seen in a tree before it was dumped, for whoever wants to know later what a checkpoint is about. Nothing is
// decided by it: what a restore needs stands on its own in the manifest. Bounded, since a tree may have any number of
// files open: what is left out is counted.
#pragma once

#include "cedana/base/name_table.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana {

inline constexpr std::size_t k_most_recorded_of_a_process = 256;
// Of the whole tree, of each kind.
inline constexpr std::size_t k_most_recorded = 4096;

enum class OpenKind {
    file,
    folder,
    pipe,
    socket,
    terminal,
    device,
    memory,
    eventfd,
    epoll,
    inotify,
    fanotify,
    timerfd,
    signalfd,
    pidfd,
    io_uring,
    other
};

inline constexpr auto k_open_kind_names = name_table<OpenKind>({{OpenKind::file, "file"},
                                                                {OpenKind::folder, "folder"},
                                                                {OpenKind::pipe, "pipe"},
                                                                {OpenKind::socket, "socket"},
                                                                {OpenKind::terminal, "terminal"},
                                                                {OpenKind::device, "device"},
                                                                {OpenKind::memory, "memory"},
                                                                {OpenKind::eventfd, "eventfd"},
                                                                {OpenKind::epoll, "epoll"},
                                                                {OpenKind::inotify, "inotify"},
                                                                {OpenKind::fanotify, "fanotify"},
                                                                {OpenKind::timerfd, "timerfd"},
                                                                {OpenKind::signalfd, "signalfd"},
                                                                {OpenKind::pidfd, "pidfd"},
                                                                {OpenKind::io_uring, "io_uring"},
                                                                {OpenKind::other, "other"}});

// "file", "io_uring"
[[nodiscard]] inline std::string_view name_of(OpenKind kind) { return k_open_kind_names.name_of(kind); }

struct RecordedDescriptor {
    int fd = -1;
    OpenKind kind = OpenKind::other;
    // As the kernel spells it: "/var/log/a", "/tmp/b (deleted)", "pipe:[17]", "socket:[18]".
    std::string target = {};
    // Of open(2).
    unsigned flags = 0;
    std::uint64_t position = 0;
    // Of a file: how many names it has; 0 if it is deleted, more than 1 if it is multiply linked.
    std::optional<std::uint64_t> names = std::nullopt;
    // "FLOCK ADVISORY WRITE 0 EOF"
    std::vector<std::string> locks = {};
    // How many things an inotify or epoll instance waits for.
    std::uint64_t watches = 0;

    bool operator==(const RecordedDescriptor&) const = default;
};

struct RecordedProcess {
    pid_t pid = 0;
    pid_t group = 0;
    pid_t session = 0;
    // "/dev/pts/3"; empty if it has none.
    std::string terminal = {};
    // 0 if nobody traces it.
    pid_t tracer = 0;
    // 0 none, 1 strict, 2 filters.
    int seccomp = 0;
    // Of timer_create(2).
    std::uint64_t timers = 0;
    // Those that are not cedana's: "net:[4026532001]".
    std::vector<std::string> namespaces = {};
    // Lines of /proc/PID/cgroup that are not cedana's: "0::/user.slice".
    std::vector<std::string> cgroups = {};
    std::vector<RecordedDescriptor> descriptors = {};
    std::uint64_t descriptors_left_out = 0;

    bool operator==(const RecordedProcess&) const = default;
};

struct RecordedSocket {
    std::uint64_t inode = 0;
    // "tcp", "udp", "unix stream", "unix datagram", "unix seqpacket"
    std::string kind = {};
    // "listening", "connected", "open"
    std::string state = {};
    // "10.0.0.1:80", "[::1]:80", "/run/a.sock", "@abstract"; empty without one.
    std::string local = {};
    std::string remote = {};
    // Of a connected unix socket: the inode of the other end.
    std::uint64_t peer = 0;
    // Who has that one open, if nobody of the tree has: "process 4242 (name)".
    std::string peer_outside = {};

    bool operator==(const RecordedSocket&) const = default;
};

struct RecordedMapping {
    // As the kernel spells it.
    std::string target = {};
    // Shared and writable.
    bool written = false;

    bool operator==(const RecordedMapping&) const = default;
};

struct RecordedFacts {
    // The root first.
    std::vector<RecordedProcess> processes = {};
    std::uint64_t processes_left_out = 0;
    // By inode, each once, however many have it open.
    std::vector<RecordedSocket> sockets = {};
    std::uint64_t sockets_left_out = 0;
    // Each file once, however many have it mapped.
    std::vector<RecordedMapping> mapped = {};
    std::uint64_t mapped_left_out = 0;

    bool operator==(const RecordedFacts&) const = default;
};

} // namespace cedana
