// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/facts/lasts.hpp"
#include "cedana/facts/refusal.hpp"

#include <cerrno>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "bound_path.hpp"
#include "close_hint.hpp"
#include "socket_number.hpp"

namespace cedana {

namespace {

// The kernel shows filters that the program itself has compiled (net/core/filter.c, sk_get_filter: EACCES). CRIU:
// "Can't get socket filter len".
bool has_hidden_filter(const UniqueFd& socket) {
    socklen_t size = 0;
    return ::getsockopt(socket.get(), SOL_SOCKET, SO_GET_FILTER, nullptr, &size) != 0 && errno == EACCES;
}

// criu/util.c, cut_path_ending(): the name must be the end of the path.
bool ends_with_name(std::string_view path, std::string name) {
    if (name.starts_with("./"))
        name.erase(0, 2);
    return without_deleted(path).ends_with("/" + name);
}

std::optional<Refusal> refuse_name(const TreeProcess& process, int fd, const UniqueFd& socket) {
    const std::string path = bound_path(socket);
    if (path.empty())
        return std::nullopt;
    // criu/sk-unix.c, init_unix_sk_info(): "Bad unix name len", with the byte that ends it.
    if (path.size() >= sizeof sockaddr_un{}.sun_path)
        return Refusal{.pid = process.pid(),
                       .sentence =
                           fmt::format("{} has a unix socket (descriptor {}) whose path has {} bytes, and CRIU "
                                       "could not bring back one of more than {}",
                                       described(process.stat), fd, path.size(), sizeof sockaddr_un{}.sun_path - 1),
                       .hint = "let the program use a shorter path",
                       .program_can_help = true};
    // criu/sk-unix.c, unix_resolve_name(): "Unable too cut".
    const std::string place = path.front() == '/' ? std::string() : present_place(socket);
    if (place.empty() || ends_with_name(place, path))
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence =
                       fmt::format("{} has the unix socket {} open (descriptor {}), whose file is {} by now, and "
                                   "CRIU cannot dump that",
                                   described(process.stat), printable(path), fd, printable(place)),
                   .hint = "rename it back, or let the program bind it by its whole path",
                   .program_can_help = true};
}

// send(2), MSG_OOB. CRIU looks at what has come up to that byte alone: of TCP it is content with that unless the byte
// is among the others (soccr/soccr.c, get_queue(): "recv failed"), of a unix stream it loses what lies behind
// (criu/sk-queue.c, dump_sk_queue()).
bool holds_urgent_byte(const UniqueFd& socket) {
    if (socket_number(socket, SO_TYPE) != SOCK_STREAM ||
        (socket_number(socket, SO_DOMAIN) != AF_UNIX && socket_number(socket, SO_OOBINLINE) != 1))
        return false;
    pollfd entry{.fd = socket.get(), .events = POLLPRI, .revents = 0};
    return ::poll(&entry, 1, 0) > 0 && (entry.revents & POLLPRI) != 0;
}

std::optional<Refusal> refuse_state(const TreeProcess& process, int fd) {
    const UniqueFd socket = copy_descriptor(process.handle.pidfd(), fd);
    if (!socket)
        return std::nullopt;
    if (has_hidden_filter(socket))
        return Refusal{.pid = process.pid(),
                       .sentence = fmt::format("{} has a socket (descriptor {}) with a filter that is a BPF program "
                                               "(SO_ATTACH_BPF), which CRIU cannot dump",
                                               described(process.stat), fd),
                       .hint = k_close_hint,
                       .program_can_help = true};
    if (lasts([&] { return holds_urgent_byte(socket); }))
        return Refusal{.pid = process.pid(),
                       .sentence =
                           fmt::format("{} has not read an urgent byte of its connection (MSG_OOB, descriptor {}), "
                                       "and CRIU cannot bring that back",
                                       described(process.stat), fd),
                       .hint = "let the program read it, for instance in its handler of SIGUSR1 "
                               "(client.signal_process_pre_dump)",
                       .program_can_help = true};
    return refuse_name(process, fd, socket);
}

} // namespace

std::vector<Refusal> refused_socket_states(const TreeHoldings& tree) {
    std::vector<Refusal> refusals;
    std::set<std::uint64_t> known;
    for (const Holdings& one : tree)
        for (const OpenFile& file : one.open)
            // A socket is often open in many processes.
            if (const auto inode = inode_of(file.target, "socket"); inode && known.insert(*inode).second)
                if (auto refusal = refuse_state(one.process, file.fd))
                    refusals.push_back(std::move(*refusal));
    return refusals;
}

} // namespace cedana
