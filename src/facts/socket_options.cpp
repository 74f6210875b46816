// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/socket_options.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/facts/attributes.hpp"
#include "cedana/facts/multicast_groups.hpp"
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socket_number.hpp"

namespace cedana {

namespace {

enum class Kept {
    always,
    // Of a TCP connection the kernel itself moves it; what came with its first packet is not taken back
    // (net/ipv4/ip_sockglue.c, do_ip_setsockopt: IP_MULTICAST_TTL of a stream is EINVAL; net/ipv6/tcp_ipv6.c,
    // tcp_v6_syn_recv_sock: mcast_oif).
    unless_connected
};

struct KeptOption {
    const char* name;
    int level;
    int number;
    Kept kept = Kept::always;
};

// Not in criu/sockets.c, sk-inet.c, sk-tcp.c and sk-netlink.c. The numbers without a name are those of
// include/uapi/linux, which the C library's headers lag behind. What locks others comes last.
constexpr auto k_options = std::to_array<KeptOption>({
    {"SO_DEBUG", SOL_SOCKET, SO_DEBUG},
    {"SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP},
    {"SO_TIMESTAMPNS", SOL_SOCKET, SO_TIMESTAMPNS},
    {"SO_TIMESTAMP_NEW", SOL_SOCKET, 63},
    {"SO_TIMESTAMPNS_NEW", SOL_SOCKET, 64},
    {"SO_TIMESTAMPING", SOL_SOCKET, SO_TIMESTAMPING},
    {"SO_RXQ_OVFL", SOL_SOCKET, SO_RXQ_OVFL},
    {"SO_PEEK_OFF", SOL_SOCKET, SO_PEEK_OFF},
    {"SO_SELECT_ERR_QUEUE", SOL_SOCKET, SO_SELECT_ERR_QUEUE},
    {"SO_BUSY_POLL", SOL_SOCKET, SO_BUSY_POLL},
    {"SO_PREFER_BUSY_POLL", SOL_SOCKET, 69},
    {"SO_BUSY_POLL_BUDGET", SOL_SOCKET, 70},
    {"SO_MAX_PACING_RATE", SOL_SOCKET, SO_MAX_PACING_RATE},
    {"SO_ZEROCOPY", SOL_SOCKET, SO_ZEROCOPY},
    {"SO_TXTIME", SOL_SOCKET, SO_TXTIME},
    {"SO_RCVMARK", SOL_SOCKET, 75},
    {"SO_PASSPIDFD", SOL_SOCKET, 76},
    {"SO_RCVPRIORITY", SOL_SOCKET, 82},
    {"SO_PASSRIGHTS", SOL_SOCKET, 83},
    {"IP_RECVOPTS", SOL_IP, IP_RECVOPTS},
    {"IP_RETOPTS", SOL_IP, IP_RETOPTS},
    {"IP_OPTIONS", SOL_IP, IP_OPTIONS},
    {"IP_RECVTTL", SOL_IP, IP_RECVTTL},
    {"IP_RECVTOS", SOL_IP, IP_RECVTOS},
    {"IP_RECVERR", SOL_IP, IP_RECVERR},
    {"IP_RECVERR_RFC4884", SOL_IP, 26},
    {"IP_MTU_DISCOVER", SOL_IP, IP_MTU_DISCOVER},
    {"IP_TRANSPARENT", SOL_IP, IP_TRANSPARENT},
    {"IP_RECVORIGDSTADDR", SOL_IP, IP_RECVORIGDSTADDR},
    {"IP_MINTTL", SOL_IP, IP_MINTTL},
    {"IP_PASSSEC", SOL_IP, IP_PASSSEC},
    {"IP_CHECKSUM", SOL_IP, 23},
    {"IP_BIND_ADDRESS_NO_PORT", SOL_IP, 24},
    {"IP_RECVFRAGSIZE", SOL_IP, 25},
    {"IP_MULTICAST_IF", SOL_IP, IP_MULTICAST_IF},
    {"IP_MULTICAST_TTL", SOL_IP, IP_MULTICAST_TTL, Kept::unless_connected},
    {"IP_MULTICAST_LOOP", SOL_IP, IP_MULTICAST_LOOP},
    {"IP_MULTICAST_ALL", SOL_IP, IP_MULTICAST_ALL},
    {"IP_UNICAST_IF", SOL_IP, IP_UNICAST_IF},
    {"IP_LOCAL_PORT_RANGE", SOL_IP, 51},
    {"IPV6_UNICAST_HOPS", SOL_IPV6, IPV6_UNICAST_HOPS},
    {"IPV6_MULTICAST_IF", SOL_IPV6, IPV6_MULTICAST_IF, Kept::unless_connected},
    {"IPV6_MULTICAST_HOPS", SOL_IPV6, IPV6_MULTICAST_HOPS, Kept::unless_connected},
    {"IPV6_MULTICAST_LOOP", SOL_IPV6, IPV6_MULTICAST_LOOP},
    {"IPV6_MULTICAST_ALL", SOL_IPV6, 29},
    {"IPV6_MTU_DISCOVER", SOL_IPV6, IPV6_MTU_DISCOVER},
    {"IPV6_RECVERR", SOL_IPV6, IPV6_RECVERR},
    {"IPV6_RECVERR_RFC4884", SOL_IPV6, 31},
    {"IPV6_FLOWINFO_SEND", SOL_IPV6, 33},
    {"IPV6_RECVHOPLIMIT", SOL_IPV6, IPV6_RECVHOPLIMIT},
    {"IPV6_RECVHOPOPTS", SOL_IPV6, IPV6_RECVHOPOPTS},
    {"IPV6_RECVRTHDR", SOL_IPV6, IPV6_RECVRTHDR},
    {"IPV6_RECVDSTOPTS", SOL_IPV6, IPV6_RECVDSTOPTS},
    {"IPV6_RECVPATHMTU", SOL_IPV6, IPV6_RECVPATHMTU},
    {"IPV6_RECVTCLASS", SOL_IPV6, IPV6_RECVTCLASS},
    {"IPV6_TCLASS", SOL_IPV6, IPV6_TCLASS},
    {"IPV6_CHECKSUM", SOL_IPV6, IPV6_CHECKSUM},
    {"IPV6_DONTFRAG", SOL_IPV6, IPV6_DONTFRAG},
    {"IPV6_AUTOFLOWLABEL", SOL_IPV6, 70},
    {"IPV6_ADDR_PREFERENCES", SOL_IPV6, 72},
    {"IPV6_MINHOPCOUNT", SOL_IPV6, 73},
    {"IPV6_RECVORIGDSTADDR", SOL_IPV6, 74},
    {"IPV6_TRANSPARENT", SOL_IPV6, 75},
    {"IPV6_UNICAST_IF", SOL_IPV6, 76},
    {"IPV6_RECVFRAGSIZE", SOL_IPV6, 77},
    {"TCP_NODELAY", SOL_TCP, TCP_NODELAY},
    {"TCP_KEEPIDLE", SOL_TCP, TCP_KEEPIDLE},
    {"TCP_KEEPINTVL", SOL_TCP, TCP_KEEPINTVL},
    {"TCP_KEEPCNT", SOL_TCP, TCP_KEEPCNT},
    {"TCP_CONGESTION", SOL_TCP, TCP_CONGESTION},
    {"TCP_MAXSEG", SOL_TCP, TCP_MAXSEG, Kept::unless_connected},
    {"TCP_SYNCNT", SOL_TCP, TCP_SYNCNT},
    {"TCP_LINGER2", SOL_TCP, TCP_LINGER2},
    {"TCP_DEFER_ACCEPT", SOL_TCP, TCP_DEFER_ACCEPT},
    {"TCP_WINDOW_CLAMP", SOL_TCP, TCP_WINDOW_CLAMP, Kept::unless_connected},
    {"TCP_QUICKACK", SOL_TCP, TCP_QUICKACK, Kept::unless_connected},
    {"TCP_THIN_LINEAR_TIMEOUTS", SOL_TCP, TCP_THIN_LINEAR_TIMEOUTS},
    {"TCP_USER_TIMEOUT", SOL_TCP, TCP_USER_TIMEOUT},
    {"TCP_FASTOPEN", SOL_TCP, TCP_FASTOPEN},
    {"TCP_FASTOPEN_CONNECT", SOL_TCP, 30},
    {"TCP_FASTOPEN_NO_COOKIE", SOL_TCP, 34},
    {"TCP_NOTSENT_LOWAT", SOL_TCP, TCP_NOTSENT_LOWAT},
    {"TCP_SAVE_SYN", SOL_TCP, 27},
    {"TCP_INQ", SOL_TCP, 36},
    {"TCP_TX_DELAY", SOL_TCP, 37},
    {"TCP_RTO_MAX_MS", SOL_TCP, 44},
    {"UDP_ENCAP", SOL_UDP, 100},
    {"UDP_NO_CHECK6_TX", SOL_UDP, 101},
    {"UDP_NO_CHECK6_RX", SOL_UDP, 102},
    {"UDP_SEGMENT", SOL_UDP, 103},
    {"UDP_GRO", SOL_UDP, 104},
    {"UDPLITE_SEND_CSCOV", SOL_UDP, 10},
    {"UDPLITE_RECV_CSCOV", SOL_UDP, 11},
    {"NETLINK_PKTINFO", SOL_NETLINK, NETLINK_PKTINFO},
    {"NETLINK_BROADCAST_ERROR", SOL_NETLINK, NETLINK_BROADCAST_ERROR},
    {"NETLINK_NO_ENOBUFS", SOL_NETLINK, NETLINK_NO_ENOBUFS},
    {"NETLINK_LISTEN_ALL_NSID", SOL_NETLINK, NETLINK_LISTEN_ALL_NSID},
    {"NETLINK_CAP_ACK", SOL_NETLINK, NETLINK_CAP_ACK},
    {"NETLINK_EXT_ACK", SOL_NETLINK, NETLINK_EXT_ACK},
    {"NETLINK_GET_STRICT_CHK", SOL_NETLINK, 12},
    {"PACKET_AUXDATA", SOL_PACKET, 8},
    {"PACKET_ORIGDEV", SOL_PACKET, 9},
    {"PACKET_TIMESTAMP", SOL_PACKET, 17},
    {"PACKET_QDISC_BYPASS", SOL_PACKET, 20},
    {"PACKET_IGNORE_OUTGOING", SOL_PACKET, 23},
    {"SO_LOCK_FILTER", SOL_SOCKET, SO_LOCK_FILTER},
});

std::optional<std::string> value_of(const UniqueFd& socket, const KeptOption& option) {
    std::array<char, 64> value{};
    auto size = static_cast<socklen_t>(value.size());
    if (::getsockopt(socket.get(), option.level, option.number, value.data(), &size) != 0 || size > value.size())
        return std::nullopt;
    return std::string(value.data(), size);
}

// One that was reset is closed, and has still what the kernel moved: its round trips were measured.
bool was_connected_tcp(const UniqueFd& socket) {
    // Of include/net/tcp_states.h.
    constexpr std::uint8_t k_is_closed = 7;
    constexpr std::uint8_t k_is_listening = 10;
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket.get(), SOL_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_state == k_is_listening)
        return false;
    return info.tcpi_state != k_is_closed || info.tcpi_rtt != 0;
}

// New sockets, each kind once: what they are set to needs not be kept.
class NewSockets {
  public:
    const UniqueFd& like(const UniqueFd& socket) {
        const std::tuple kind(socket_number(socket, SO_DOMAIN), socket_number(socket, SO_TYPE),
                              socket_number(socket, SO_PROTOCOL));
        const auto found = sockets_.find(kind);
        if (found != sockets_.end())
            return found->second;
        const auto [domain, type, protocol] = kind;
        return sockets_.emplace(kind, UniqueFd(::socket(domain, type | SOCK_CLOEXEC, protocol))).first->second;
    }

  private:
    std::map<std::tuple<int, int, int>, UniqueFd> sockets_;
};

std::vector<SocketOption> options_of(const UniqueFd& socket, NewSockets& fresh) {
    const UniqueFd& other = fresh.like(socket);
    if (!other)
        return {};
    const bool connected = was_connected_tcp(socket);
    std::vector<SocketOption> options;
    for (const KeptOption& option : k_options) {
        if (connected && option.kept == Kept::unless_connected)
            continue;
        const auto value = value_of(socket, option);
        if (value && value != value_of(other, option))
            options.push_back({.name = option.name, .value = *value});
    }
    return options;
}

std::string place_of(const TreeProcess& process, int fd) {
    return fmt::format("descriptor {} of {}", fd, described(process.stat));
}

void put_option_back(std::vector<std::string>& lost, const UniqueFd& socket, const std::string& place,
                     const SocketOption& wanted) {
    const auto* option =
        std::ranges::find_if(k_options, [&](const KeptOption& one) { return wanted.name == one.name; });
    if (option == k_options.end()) {
        lost.push_back(fmt::format("the option {} of the socket at {} could not be put back: this version of cedana "
                                   "does not know it",
                                   printable(wanted.name), place));
        return;
    }
    const std::string& value = wanted.value;
    // A checkpoint of before may hold one.
    const bool is_moved = option->kept == Kept::unless_connected && was_connected_tcp(socket);
    if (is_moved || value_of(socket, *option) == value)
        return;
    const bool done = ::setsockopt(socket.get(), option->level, option->number, value.data(),
                                   static_cast<socklen_t>(value.size())) == 0;
    const int err = errno;
    if (!done || value_of(socket, *option) != value)
        lost.push_back(fmt::format("the option {} of the socket at {} could not be put back: {}", option->name, place,
                                   done ? "the kernel takes another value" : std::strerror(err)));
}

} // namespace

std::vector<SocketOptions> read_socket_options(const Procfs& procfs, const TreeHoldings& tree) {
    std::vector<SocketOptions> all;
    NewSockets fresh;
    std::set<std::uint64_t> known;
    for (const Holdings& one : tree) {
        std::optional<JoinedGroups> joined;
        for (const OpenFile& file : one.open) {
            const auto inode = inode_of(file.target, "socket");
            if (!inode || !known.insert(*inode).second)
                continue;
            const UniqueFd socket = copy_descriptor(one.process.handle.pidfd(), file.fd);
            if (!socket)
                continue;
            if (!joined)
                joined = joined_groups(procfs, one.process.pid());
            SocketOptions options{.pid = innermost_pid(one.process),
                                  .fd = file.fd,
                                  .options = options_of(socket, fresh),
                                  .groups = memberships_of(socket, *joined)};
            if (!options.options.empty() || !options.groups.empty())
                all.push_back(std::move(options));
        }
    }
    return all;
}

std::vector<std::string> put_socket_options_back(const ProcessTree& tree, const std::vector<SocketOptions>& wanted) {
    std::map<pid_t, const TreeProcess*> here;
    for (const TreeProcess& process : tree.processes)
        here.emplace(innermost_pid(process), &process);
    std::vector<std::string> lost;
    for (const SocketOptions& one : wanted) {
        const auto process = here.find(one.pid);
        if (process == here.end())
            continue;
        const std::string place = place_of(*process->second, one.fd);
        const UniqueFd socket = copy_descriptor(process->second->handle.pidfd(), one.fd);
        if (!socket) {
            lost.push_back(
                fmt::format("the options of the socket at {} could not be put back: {}", place, std::strerror(errno)));
            continue;
        }
        for (const SocketOption& option : one.options)
            put_option_back(lost, socket, place, option);
        for (const GroupMembership& group : one.groups)
            if (const std::string why = join_again(socket, group); !why.empty())
                lost.push_back(fmt::format("the membership in the multicast group {} on {} of the socket at {} could "
                                           "not be put back: {}",
                                           printable(group.group), printable(group.device), place, why));
    }
    return lost;
}

} // namespace cedana
