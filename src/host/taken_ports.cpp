// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/host/taken_names.hpp"
#include "cedana/process/inet_sockets.hpp"
#include "cedana/process/socket_holders.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "living_holder.hpp"

namespace cedana {

namespace {

// As /proc/PID/net has it here (process/inet_sockets): IPv4 inside of IPv6 is IPv4.
std::string address_text(int family, const criu::InetEnd& end) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool mapped =
        family == AF_INET6 && end.address[0] == 0 && end.address[1] == 0 && end.address[2] == htonl(0xffff);
    ::inet_ntop(mapped ? AF_INET : family, mapped ? &end.address[3] : end.address.data(), text.data(), text.size());
    return text.data();
}

std::string end_text(int family, const criu::InetEnd& end) {
    return endpoint_text(address_text(family, end), end.port);
}

const char* protocol_name(const criu::DumpedInet& socket) { return socket.protocol == IPPROTO_TCP ? "TCP" : "UDP"; }

bool has_port(const criu::DumpedInet& socket) {
    return (socket.family == AF_INET || socket.family == AF_INET6) &&
           (socket.protocol == IPPROTO_TCP || socket.protocol == IPPROTO_UDP || socket.protocol == IPPROTO_UDPLITE) &&
           socket.type != SOCK_RAW && socket.local.port != 0;
}

// Which others may have the same port at the same time (socket(7)): all that allow it, as when CRIU makes the socket,
// or those to which the program allowed it.
enum class Sharing { by_criu, by_program };

void switch_on(int socket, int level, int option) {
    constexpr int k_on = 1;
    static_cast<void>(::setsockopt(socket, level, option, &k_on, sizeof k_on));
}

int bind_error(int fd, const criu::DumpedInet& socket, std::uint16_t port) {
    if (socket.family == AF_INET) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        std::memcpy(&address.sin_addr, socket.local.address.data(), sizeof address.sin_addr);
        return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
    }
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    std::memcpy(&address.sin6_addr, socket.local.address.data(), sizeof address.sin6_addr);
    address.sin6_scope_id = socket.interface.empty() ? 0 : ::if_nametoindex(socket.interface.c_str());
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

// What CRIU meets when it makes this socket (criu/sk-inet.c, open_inet_sk and inet_bind): 0, or an errno. It asks for
// no IPV6_FREEBIND where it restores a connection (soccr/soccr.c, libsoccr_set_sk_data_noq).
int try_to_bind(const criu::DumpedInet& socket, Sharing sharing) {
    const UniqueFd fd(::socket(socket.family, socket.type | SOCK_CLOEXEC, socket.protocol));
    if (!fd)
        return errno;
    if (socket.only_v6)
        switch_on(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
    if (sharing == Sharing::by_criu || socket.reuses_address || socket.protocol == IPPROTO_TCP)
        switch_on(fd.get(), SOL_SOCKET, SO_REUSEADDR);
    if (sharing == Sharing::by_criu || socket.reuses_port)
        switch_on(fd.get(), SOL_SOCKET, SO_REUSEPORT);
    if (sharing == Sharing::by_program && !socket.device.empty())
        static_cast<void>(::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, socket.device.data(),
                                       static_cast<socklen_t>(socket.device.size())));
    if (socket.is_connection())
        return bind_error(fd.get(), socket, 0);
    if (!socket.interface.empty() && ::if_nametoindex(socket.interface.c_str()) == 0)
        return ENODEV;
    if (socket.family == AF_INET6)
        switch_on(fd.get(), IPPROTO_IP, IP_FREEBIND);
    return bind_error(fd.get(), socket, socket.local.port);
}

bool is_any(std::string_view address) { return address == "0.0.0.0" || address == "::"; }

bool has_its_port(const TcpConnection& other, const criu::DumpedInet& socket) {
    const std::string address = address_text(socket.family, socket.local);
    return other.local_port == socket.local.port &&
           (is_any(address) || is_any(other.local_address) || other.local_address == address);
}

bool is_in_the_way(const InetSocket& other, const criu::DumpedInet& socket) {
    const auto protocol = socket.protocol == IPPROTO_TCP ? InetProtocol::tcp : InetProtocol::udp;
    return other.protocol == protocol && has_its_port(other.ends, socket);
}

bool is_this_connection(const InetSocket& other, const criu::DumpedInet& socket) {
    return other.protocol == InetProtocol::tcp && other.is_connection() && other.ends.local_port == socket.local.port &&
           other.ends.remote_port == socket.remote.port &&
           other.ends.local_address == address_text(socket.family, socket.local) &&
           other.ends.remote_address == address_text(socket.family, socket.remote);
}

std::vector<SocketHolder> holders_of_port(const Procfs& procfs, const criu::DumpedInet& socket) {
    // One that listens is rather the reason than the connections that it took.
    auto holders = holders_of_inet(
        procfs, [&](const InetSocket& other) { return other.listens() && is_in_the_way(other, socket); });
    if (holders.empty())
        holders = holders_of_inet(procfs, [&](const InetSocket& other) { return is_in_the_way(other, socket); });
    if (holders.empty())
        holders = holders_of_bound(procfs, [&](const InetSocket& other) { return is_in_the_way(other, socket); });
    return holders;
}

// Those that keep the port from the socket, where no process does.
std::vector<EndedConnection> ended_on_port(const Procfs& procfs, const criu::DumpedInet& socket) {
    std::vector<EndedConnection> ended;
    if (socket.protocol == IPPROTO_TCP)
        ended = ended_connections(procfs, ::getpid());
    std::erase_if(ended, [&](const EndedConnection& one) { return !has_its_port(one.ends, socket); });
    return ended;
}

std::optional<Error> taken_port(const Procfs& procfs, const criu::DumpedInet& socket, const std::set<pid_t>& leaving) {
    auto holders = holders_of_port(procfs, socket);
    if (holders.empty() && !ended_on_port(procfs, socket).empty())
        return std::nullopt;
    if (holders.empty())
        holders.push_back({});
    const auto holder = living_holder(holders, leaving);
    if (!holder)
        return std::nullopt;
    return Error(Fault::restore_failed,
                 fmt::format("{} port {} ({}) is taken by {}", protocol_name(socket), socket.local.port,
                             end_text(socket.family, socket.local), holder->described(procfs)))
        .hint(hint_to_end(*holder));
}

Error missing_address(const criu::DumpedInet& socket) {
    return Error(Fault::environment,
                 fmt::format("the {} socket {} cannot come back: this host does not have its address",
                             protocol_name(socket), end_text(socket.family, socket.local)))
        .hint(fmt::format("give this host the address: ip address add {} dev lo",
                          shell_word(address_text(socket.family, socket.local))));
}

std::optional<Error> refused_bind(const Procfs& procfs, const criu::DumpedInet& socket,
                                  const std::set<pid_t>& leaving) {
    switch (const int error = try_to_bind(socket, Sharing::by_criu)) {
    case 0:
        // CRIU would bind it all the same, and each of the two would get a part of what comes.
        return try_to_bind(socket, Sharing::by_program) == EADDRINUSE ? taken_port(procfs, socket, leaving)
                                                                      : std::nullopt;
    case EADDRINUSE:
        return taken_port(procfs, socket, leaving);
    case EADDRNOTAVAIL:
        return missing_address(socket);
    case ENODEV:
        return Error(Fault::environment,
                     fmt::format("the {} socket {} cannot come back: this host has no network interface {}",
                                 protocol_name(socket), end_text(socket.family, socket.local),
                                 printable(socket.interface)));
    case EAFNOSUPPORT:
        return Error(Fault::environment, fmt::format("the {} socket {} cannot come back: this host has no IPv6",
                                                     protocol_name(socket), end_text(socket.family, socket.local)));
    default:
        spdlog::warn("whether {} port {} is free could not be seen: {}", protocol_name(socket), socket.local.port,
                     errno_text(error));
        return std::nullopt;
    }
}

// Of this network namespace, as texts; read once, since a server may have thousands.
class LivingConnections {
  public:
    explicit LivingConnections(const Procfs& procfs) : procfs_(procfs) {}

    [[nodiscard]] bool has(const criu::DumpedInet& socket) {
        if (!texts_)
            read();
        return texts_->contains(text_of({.local_address = address_text(socket.family, socket.local),
                                         .local_port = socket.local.port,
                                         .remote_address = address_text(socket.family, socket.remote),
                                         .remote_port = socket.remote.port}));
    }

  private:
    void read() {
        texts_.emplace();
        for (const auto& [inode, socket] : inet_sockets(procfs_, ::getpid()))
            if (socket.is_connection())
                texts_->insert(text_of(socket.ends));
    }
    static std::string text_of(const TcpConnection& ends) {
        return fmt::format("{} {} {} {}", ends.local_address, ends.local_port, ends.remote_address, ends.remote_port);
    }

    const Procfs& procfs_;
    std::optional<std::unordered_set<std::string>> texts_;
};

// Two sockets cannot be both ends of one connection; CRIU is told that its address is not available.
std::optional<Error> refused_connection(const Procfs& procfs, const criu::DumpedInet& socket,
                                        const std::set<pid_t>& leaving) {
    const auto holder = living_holder(
        holders_of_inet(procfs, [&](const InetSocket& other) { return is_this_connection(other, socket); }), leaving);
    if (!holder)
        return std::nullopt;
    return Error(Fault::restore_failed, fmt::format("the TCP connection {} to {} is there already: {} has it",
                                                    end_text(socket.family, socket.local),
                                                    end_text(socket.family, socket.remote), holder->described(procfs)))
        .hint(hint_to_end(*holder) + ", or pass --criu-arg=--tcp-close: the program finds its connections closed");
}

// Whether CRIU binds it to its port; addresses of living connections are in the manifest (host/fit).
bool is_bound(const criu::DumpedInet& socket) {
    return has_port(socket) && (!socket.is_connection() || socket.state == criu::k_state_closed);
}

// Where nothing but these is in the way of the tree.
std::vector<EndedConnection> ended_in_the_way(const Procfs& procfs, const RestoreNeeds& needs) {
    std::vector<EndedConnection> all;
    for (const criu::DumpedInet& socket : needs.inet)
        if (is_bound(socket) && socket.protocol == IPPROTO_TCP && try_to_bind(socket, Sharing::by_criu) == EADDRINUSE &&
            holders_of_port(procfs, socket).empty())
            std::ranges::move(ended_on_port(procfs, socket), std::back_inserter(all));
    return all;
}

Error kept_port(const EndedConnection& ended) {
    const TcpConnection& ends = ended.ends;
    return Error(
               Fault::restore_failed,
               fmt::format("TCP port {} is kept by a connection that has ended, {} to {}, and that the kernel has not "
                           "forgotten yet",
                           ends.local_port, endpoint_text(ends.local_address, ends.local_port),
                           endpoint_text(ends.remote_address, ends.remote_port)))
        .hint(ended.has_sent_all ? "run it again in a minute"
                                 : "its peer has not taken what was sent to it last: run it again once the connection "
                                   "is gone (ss -tan)");
}

bool is_asked_once(const criu::DumpedInet& socket, std::set<std::string>& asked) {
    return asked
        .insert(fmt::format("{} {} {} {} {}", protocol_name(socket), end_text(socket.family, socket.local),
                            socket.only_v6, socket.is_connection(),
                            socket.is_connection() ? end_text(socket.family, socket.remote) : ""))
        .second;
}

} // namespace

std::vector<Error> taken_ports(const Procfs& procfs, const RestoreNeeds& needs, const std::set<pid_t>& leaving) {
    std::vector<Error> refused;
    if (needs.own_network)
        return refused;
    std::set<std::string> asked;
    LivingConnections living(procfs);
    for (const criu::DumpedInet& socket : needs.inet) {
        if (!has_port(socket) || !is_asked_once(socket, asked))
            continue;
        auto error =
            socket.is_connection() && living.has(socket) ? refused_connection(procfs, socket, leaving) : std::nullopt;
        if (!error && is_bound(socket))
            error = refused_bind(procfs, socket, leaving);
        if (error)
            refused.push_back(std::move(*error));
    }
    return refused;
}

void free_ports(const Procfs& procfs, const RestoreNeeds& needs, std::chrono::seconds limit,
                const Interrupt& interrupt) {
    constexpr std::chrono::milliseconds k_look_every{50};
    const auto deadline = std::chrono::steady_clock::now() + limit;
    if (needs.own_network)
        return;
    for (bool said = false;;) {
        auto left = ended_in_the_way(procfs, needs);
        bool has_forgotten = false;
        for (const EndedConnection& one : left)
            has_forgotten |= one.has_sent_all && forget(one);
        if (has_forgotten)
            left = ended_in_the_way(procfs, needs);
        if (left.empty())
            return;
        if (std::chrono::steady_clock::now() > deadline)
            throw kept_port(left.front());
        if (!std::exchange(said, true))
            spdlog::warn("waiting until the kernel has forgotten a connection that has ended on TCP port {}",
                         left.front().ends.local_port);
        // No event tells of it, so this looks again and again.
        if (interrupt.pending_within(k_look_every))
            interrupt.throw_if_pending();
    }
}

} // namespace cedana
