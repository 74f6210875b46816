// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/record.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <sys/socket.h>
#include <sys/sysmacros.h>

namespace cedana {

namespace {

// See Documentation/admin-guide/devices.txt.
bool is_terminal(dev_t device) {
    constexpr unsigned k_virtual_and_serial = 4;
    constexpr unsigned k_alternative = 5;
    const unsigned number = major(device);
    return number == k_virtual_and_serial || number == k_alternative || (number >= 128 && number <= 143);
}

std::string terminal_name(dev_t device) {
    constexpr unsigned k_first_pts = 136;
    constexpr unsigned k_last_pts = 143;
    const unsigned number = major(device);
    if (device == 0)
        return {};
    if (number >= k_first_pts && number <= k_last_pts)
        return fmt::format("/dev/pts/{}", (number - k_first_pts) * 256 + minor(device));
    return fmt::format("terminal {}:{}", number, minor(device));
}

bool is_memory(std::string_view target) { return target.starts_with("/memfd:"); }

RecordedDescriptor record(const OpenFile& file) {
    RecordedDescriptor descriptor{.fd = file.fd,
                                  .kind = kind_of(file),
                                  .target = file.target,
                                  .flags = file.flags,
                                  .position = file.position,
                                  .names = std::nullopt,
                                  .locks = file.locks,
                                  .watches = file.watches};
    if (descriptor.kind == OpenKind::file)
        descriptor.names = file.info->st_nlink;
    return descriptor;
}

// Lines of /proc/PID/timers, see proc(5).
std::uint64_t count_timers(const std::string& content) {
    const std::vector<std::string> lines = split(content, '\n');
    return static_cast<std::uint64_t>(
        std::ranges::count_if(lines, [](const std::string& line) { return line.starts_with("ID:"); }));
}

std::vector<std::string> lines_of(const Procfs& procfs, pid_t pid, const char* name) {
    std::vector<std::string> lines = split(procfs.read(pid, name).value_or(""), '\n');
    std::erase(lines, "");
    return lines;
}

class Recorder {
  public:
    Recorder(const Procfs& procfs, const Observer& observer)
        : procfs_(procfs), observer_(observer), own_cgroups_(lines_of(procfs, observer.self, "cgroup")) {}

    void add(const Holdings& one) {
        for (const MappedFile& file : one.mapped)
            add(file);
        if (facts_.processes.size() == k_most_recorded) {
            ++facts_.processes_left_out;
            return;
        }
        const ProcessStat& stat = one.process.stat;
        RecordedProcess process{.pid = stat.pid,
                                .group = stat.process_group,
                                .session = stat.session,
                                .terminal = terminal_name(stat.terminal),
                                .tracer = one.process.status.tracer,
                                .seccomp = one.process.status.seccomp_mode,
                                .timers = count_timers(procfs_.read(stat.pid, "timers").value_or(""))};
        for (const auto& [kind, link] : one.namespaces.all())
            if (differ(one.namespaces, observer_.own, kind))
                process.namespaces.push_back(link);
        for (std::string& line : lines_of(procfs_, stat.pid, "cgroup"))
            if (std::ranges::count(own_cgroups_, line) == 0)
                process.cgroups.push_back(std::move(line));
        for (const OpenFile& file : one.open)
            add(file, process);
        facts_.processes.push_back(std::move(process));
    }

    void add(const TreeSockets& sockets) {
        for (const auto& [inode, owner] : sockets.owners) {
            if (facts_.sockets.size() == k_most_recorded)
                ++facts_.sockets_left_out;
            else
                facts_.sockets.push_back(record(inode, sockets));
        }
    }

    [[nodiscard]] RecordedFacts take() { return std::move(facts_); }

  private:
    void add(const OpenFile& file, RecordedProcess& process) {
        if (process.descriptors.size() == k_most_recorded_of_a_process || descriptors_ == k_most_recorded) {
            ++process.descriptors_left_out;
            return;
        }
        ++descriptors_;
        process.descriptors.push_back(cedana::record(file));
    }

    void add(const MappedFile& file) {
        const auto [known, is_new] = mapped_.try_emplace(file.target, facts_.mapped.size());
        if (!is_new) {
            if (known->second < facts_.mapped.size())
                facts_.mapped[known->second].written |= file.written;
        } else if (facts_.mapped.size() == k_most_recorded) {
            ++facts_.mapped_left_out;
        } else {
            facts_.mapped.push_back({.target = file.target, .written = file.written});
        }
    }

    [[nodiscard]] RecordedSocket record(std::uint64_t inode, const TreeSockets& sockets) const {
        if (const auto found = sockets.inet.find(inode); found != sockets.inet.end())
            return record(inode, found->second);
        if (sockets.unix_ones)
            if (const auto found = sockets.unix_ones->find(inode); found != sockets.unix_ones->end())
                return record(inode, found->second, *sockets.unix_ones);
        return {.inode = inode, .kind = "other", .state = "open"};
    }

    static RecordedSocket record(std::uint64_t inode, const InetSocket& socket) {
        constexpr int k_established = 1;
        const TcpConnection& ends = socket.ends;
        const bool is_udp = socket.protocol == InetProtocol::udp;
        RecordedSocket recorded{.inode = inode, .kind = is_udp ? "udp" : "tcp", .state = "open"};
        recorded.local = endpoint_text(ends.local_address, ends.local_port);
        if (socket.listens())
            recorded.state = "listening";
        if (is_udp ? socket.state == k_established : socket.is_connection()) {
            recorded.state = "connected";
            recorded.remote = endpoint_text(ends.remote_address, ends.remote_port);
        }
        return recorded;
    }

    [[nodiscard]] RecordedSocket record(std::uint64_t inode, const UnixSocket& socket, const UnixSockets& all) const {
        RecordedSocket recorded{.inode = inode,
                                .kind = socket.type == SOCK_STREAM  ? "unix stream"
                                        : socket.type == SOCK_DGRAM ? "unix datagram"
                                                                    : "unix seqpacket",
                                .state = socket.listens     ? "listening"
                                         : socket.peer != 0 ? "connected"
                                                            : "open",
                                .local = socket.name};
        recorded.peer = socket.peer;
        if (const auto peer = all.find(socket.peer); peer != all.end())
            recorded.remote = peer->second.name;
        if (const auto outside = observer_.peers.find(socket.peer); outside != observer_.peers.end())
            recorded.peer_outside = outside->second;
        return recorded;
    }

    const Procfs& procfs_;
    const Observer& observer_;
    std::vector<std::string> own_cgroups_;
    RecordedFacts facts_;
    std::size_t descriptors_ = 0;
    // With the place in the list.
    std::map<std::string, std::size_t, std::less<>> mapped_;
};

} // namespace

OpenKind kind_of(const OpenFile& file) {
    constexpr std::string_view k_anonymous = "anon_inode:";
    constexpr auto k_anonymous_kinds =
        std::to_array<std::pair<std::string_view, OpenKind>>({{"[eventfd]", OpenKind::eventfd},
                                                              {"[eventpoll]", OpenKind::epoll},
                                                              {"inotify", OpenKind::inotify},
                                                              {"[fanotify]", OpenKind::fanotify},
                                                              {"[timerfd]", OpenKind::timerfd},
                                                              {"[signalfd]", OpenKind::signalfd},
                                                              {"[pidfd]", OpenKind::pidfd},
                                                              {"[io_uring]", OpenKind::io_uring}});
    const std::string_view target = file.target;
    if (target.starts_with(k_anonymous)) {
        const auto* kind = std::ranges::find(k_anonymous_kinds, target.substr(k_anonymous.size()),
                                             [](const auto& row) { return row.first; });
        return kind == k_anonymous_kinds.end() ? OpenKind::other : kind->second;
    }
    if (inode_of(target, "socket"))
        return OpenKind::socket;
    if (is_memory(target))
        return OpenKind::memory;
    // Linux 6.9 and later: pidfds have a file system of their own.
    if (target.starts_with("pidfd:"))
        return OpenKind::pidfd;
    if (inode_of(target, "pipe"))
        return OpenKind::pipe;
    if (!file.info)
        return OpenKind::other;
    switch (file.info->st_mode & S_IFMT) {
    case S_IFREG:
        return OpenKind::file;
    case S_IFDIR:
        return OpenKind::folder;
    case S_IFIFO:
        return OpenKind::pipe;
    case S_IFCHR:
        return is_terminal(file.info->st_rdev) ? OpenKind::terminal : OpenKind::device;
    case S_IFBLK:
        return OpenKind::device;
    default:
        return OpenKind::other;
    }
}

RecordedFacts record_facts(const Procfs& procfs, const TreeHoldings& tree, const TreeSockets& sockets,
                           const Observer& observer) {
    Recorder recorder(procfs, observer);
    for (const Holdings& one : tree)
        recorder.add(one);
    recorder.add(sockets);
    return recorder.take();
}

} // namespace cedana
