// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/in_flight.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/facts/shared_memory.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <linux/kcmp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "socket_number.hpp"

namespace cedana {

namespace {

// Has it begin to peek at the first byte, for as long as it lives, and go on where the last peek ended.
class PeekFromStart {
  public:
    explicit PeekFromStart(const UniqueFd& socket) : socket_(socket), before_(socket_number(socket, SO_PEEK_OFF)) {
        set(0);
    }
    PeekFromStart(const PeekFromStart&) = delete;
    PeekFromStart& operator=(const PeekFromStart&) = delete;
    ~PeekFromStart() { set(before_); }

  private:
    void set(int offset) const {
        static_cast<void>(::setsockopt(socket_.get(), SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset));
    }

    const UniqueFd& socket_;
    int before_;
};

// The descriptors of one message; absent: there is no message.
std::optional<std::vector<UniqueFd>> peek(const UniqueFd& socket) {
    // SCM_MAX_FD of include/net/scm.h.
    constexpr std::size_t k_most = 253;
    // A stream is peeked at up to the first descriptor, wherever that is.
    static std::array<char, 256 * 1024> bytes;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(k_most * sizeof(int))> control{};
    iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t count = ::recvmsg(socket.get(), &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0)
        return std::nullopt;
    std::vector<UniqueFd> descriptors;
    for (cmsghdr* beside = CMSG_FIRSTHDR(&message); beside != nullptr; beside = CMSG_NXTHDR(&message, beside)) {
        if (beside->cmsg_level != SOL_SOCKET || beside->cmsg_type != SCM_RIGHTS)
            continue;
        for (std::size_t at = 0; at + sizeof(int) <= beside->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(beside) + at, sizeof fd);
            descriptors.emplace_back(fd);
        }
    }
    // The end of a stream.
    if (count == 0 && descriptors.empty())
        return std::nullopt;
    return descriptors;
}

std::vector<UniqueFd> descriptors_in(const UniqueFd& socket, std::uint64_t wanted, Messages messages) {
    std::vector<UniqueFd> found;
    if (messages == Messages::first) {
        // A socket that goes on peeking where the last peek ended would do so for its program, too.
        if (socket_number(socket, SO_PEEK_OFF) >= 0)
            return found;
        if (auto some = peek(socket))
            found = std::move(*some);
        return found;
    }
    const PeekFromStart from_start(socket);
    while (found.size() < wanted) {
        auto some = peek(socket);
        if (!some)
            break;
        std::ranges::move(*some, std::back_inserter(found));
    }
    return found;
}

bool is_connection(const UniqueFd& socket) {
    const int domain = socket_number(socket, SO_DOMAIN);
    if ((domain != AF_INET && domain != AF_INET6) || socket_number(socket, SO_PROTOCOL) != IPPROTO_TCP)
        return false;
    tcp_info info{};
    socklen_t size = sizeof info;
    return ::getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state != TCP_CLOSE &&
           info.tcpi_state != TCP_LISTEN;
}

// "a timerfd"; empty: of a kind that comes back. CRIU sends what nobody has open from a descriptor that it closes once
// all are open (criu/files.c, open_fdinfos; criu/sk-unix.c, get_fle_for_task); later it arms timers, reads what watches
// have noticed, and ends the repair of connections by that number (criu/pie/restorer.c: timerfd_arm,
// cleanup_current_inotify_events, rst_tcp_repair_off).
std::string_view lost_kind(const UniqueFd& descriptor, std::string_view target) {
    if (target == "anon_inode:[timerfd]")
        return "a timerfd";
    if (target == "anon_inode:inotify")
        return "an inotify instance";
    return is_connection(descriptor) ? "a TCP connection" : "";
}

bool is_open_in(const TreeHoldings& tree, const UniqueFd& descriptor, std::string_view target) {
    return std::ranges::any_of(tree, [&](const Holdings& one) {
        return std::ranges::any_of(one.open, [&](const OpenFile& file) {
            return file.target == target &&
                   ::syscall(SYS_kcmp, ::getpid(), one.process.pid(), KCMP_FILE, descriptor.get(), file.fd) == 0;
        });
    });
}

void add_sent_file(InFlight& found, const TreeProcess& process, const UniqueFd& descriptor, const std::string& target) {
    struct ::stat info {};
    if (::fstat(descriptor.get(), &info) != 0 || !S_ISREG(info.st_mode) || !target.starts_with('/') ||
        is_shared_memory(target))
        return;
    const bool is_written = (::fcntl(descriptor.get(), F_GETFL) & O_ACCMODE) != O_RDONLY;
    if (target.ends_with(k_deleted) && info.st_nlink > 0)
        found.renamed.push_back({.path = std::string(without_deleted(target)),
                                 .device = info.st_dev,
                                 .inode = info.st_ino,
                                 .pid = process.pid(),
                                 .size = static_cast<std::uint64_t>(info.st_size)});
    else if (is_written && info.st_nlink > 0 && is_kept_by_file_system(target) && is_seen_at(target, info))
        found.written.files.push_back({.path = target, .info = info, .uses = {}});
}

void look_at(InFlight& found, const TreeHoldings& tree, const TreeProcess& process, const UniqueFd& descriptor) {
    const Procfs procfs;
    const std::string number = std::to_string(descriptor.get());
    const std::string target = procfs.link(::getpid(), ("fd/" + number).c_str()).value_or("");
    if (const std::string_view kind = lost_kind(descriptor, target);
        !kind.empty() && !is_open_in(tree, descriptor, target))
        found.refusals.push_back(
            {.pid = process.pid(),
             .sentence = fmt::format("{} has not received {} that was sent through its unix socket (SCM_RIGHTS), and "
                                     "CRIU cannot bring that back",
                                     described(process.stat), kind),
             .hint = "let the program receive it first, for instance in its handler of SIGUSR1 "
                     "(client.signal_process_pre_dump)",
             .program_can_help = true});
    add_sent_file(found, process, descriptor, target);
    if (procfs.read(::getpid(), ("fdinfo/" + number).c_str()).value_or("").find("\nlock:") != std::string::npos &&
        !is_open_in(tree, descriptor, target))
        found.losses.push_back(fmt::format("the lock on {} that is on its way through a unix socket of {} (SCM_RIGHTS)",
                                           printable(target), described(process.stat)));
}

} // namespace

InFlight find_in_flight(const TreeHoldings& tree, Messages messages) {
    InFlight found;
    std::set<std::string> known;
    for (const Holdings& one : tree) {
        for (const OpenFile& file : one.open) {
            if (file.in_flight == 0 || !known.insert(file.target).second)
                continue;
            const UniqueFd socket = copy_descriptor(one.process.handle.pidfd(), file.fd);
            if (!socket)
                continue;
            for (const UniqueFd& descriptor : descriptors_in(socket, file.in_flight, messages))
                look_at(found, tree, one.process, descriptor);
        }
    }
    return found;
}

} // namespace cedana
