// SPDX-License-Identifier: Apache-2.0
// Sockets of a real child, which this process shares with it.
#include "cedana/facts/multicast_groups.hpp"
#include "cedana/facts/socket_options.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::Forked;

UniqueFd socket_of(int domain, int type) { return UniqueFd(::socket(domain, type | SOCK_CLOEXEC, 0)); }

bool set(const UniqueFd& socket, int level, int name, int value) {
    return ::setsockopt(socket.get(), level, name, &value, sizeof value) == 0;
}
int get(const UniqueFd& socket, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(socket.get(), level, name, &value, &size);
    return value;
}

// What a child holds that inherits the sockets of this process.
struct Held {
    Held() : look(procfs, child.pid()) {}
    [[nodiscard]] std::vector<SocketOptions> read() const { return read_socket_options(procfs, look.holdings); }
    // Of one descriptor.
    [[nodiscard]] SocketOptions of(const UniqueFd& socket) const {
        for (SocketOptions& one : read())
            if (one.fd == socket.get())
                return std::move(one);
        return {};
    }

    Forked child;
    Procfs procfs;
    testing::Look look;
};

struct OptionRow {
    const char* name;
    int domain;
    int type;
    int level;
    int number;
    int value;
    int other;
};

class EachOption : public ::testing::TestWithParam<OptionRow> {};

INSTANTIATE_TEST_SUITE_P(
    Table, EachOption,
    ::testing::Values(OptionRow{"TCP_DEFER_ACCEPT", AF_INET, SOCK_STREAM, SOL_TCP, TCP_DEFER_ACCEPT, 3, 0},
                      OptionRow{"TCP_USER_TIMEOUT", AF_INET6, SOCK_STREAM, SOL_TCP, TCP_USER_TIMEOUT, 5000, 0},
                      OptionRow{"TCP_FASTOPEN", AF_INET, SOCK_STREAM, SOL_TCP, TCP_FASTOPEN, 5, 0},
                      OptionRow{"TCP_NOTSENT_LOWAT", AF_INET, SOCK_STREAM, SOL_TCP, TCP_NOTSENT_LOWAT, 16384, 1},
                      OptionRow{"TCP_SYNCNT", AF_INET, SOCK_STREAM, SOL_TCP, TCP_SYNCNT, 2, 6},
                      OptionRow{"IP_RECVERR", AF_INET, SOCK_DGRAM, SOL_IP, IP_RECVERR, 1, 0},
                      OptionRow{"IP_MTU_DISCOVER", AF_INET, SOCK_DGRAM, SOL_IP, IP_MTU_DISCOVER, 2, 0},
                      OptionRow{"IP_MULTICAST_LOOP", AF_INET, SOCK_DGRAM, SOL_IP, IP_MULTICAST_LOOP, 0, 1},
                      OptionRow{"IPV6_TCLASS", AF_INET6, SOCK_DGRAM, SOL_IPV6, IPV6_TCLASS, 8, 0},
                      OptionRow{"IPV6_UNICAST_HOPS", AF_INET6, SOCK_STREAM, SOL_IPV6, IPV6_UNICAST_HOPS, 9, 64},
                      OptionRow{"SO_TIMESTAMPNS", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_TIMESTAMPNS, 1, 0},
                      OptionRow{"SO_PEEK_OFF", AF_UNIX, SOCK_DGRAM, SOL_SOCKET, SO_PEEK_OFF, 4, -1},
                      OptionRow{"UDP_GRO", AF_INET, SOCK_DGRAM, SOL_UDP, 104, 1, 0}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST_P(EachOption, IsPutBackAsItWas) {
    const OptionRow& row = GetParam();
    const UniqueFd socket = socket_of(row.domain, row.type);
    if (!socket || !set(socket, row.level, row.number, row.value))
        GTEST_SKIP() << "not known to this kernel";
    const int before = get(socket, row.level, row.number);
    const Held held;
    const SocketOptions kept = held.of(socket);
    EXPECT_EQ(std::ranges::count(kept.options, row.name, &SocketOption::name), 1);
    ASSERT_TRUE(set(socket, row.level, row.number, row.other));
    ASSERT_NE(get(socket, row.level, row.number), before);
    EXPECT_EQ(put_socket_options_back(held.look.tree, {kept}), std::vector<std::string>());
    EXPECT_EQ(get(socket, row.level, row.number), before);
}

TEST(SocketOptions, OfANewSocketAreNotKept) {
    const UniqueFd tcp = socket_of(AF_INET, SOCK_STREAM);
    const UniqueFd udp = socket_of(AF_INET6, SOCK_DGRAM);
    const UniqueFd local = socket_of(AF_UNIX, SOCK_STREAM);
    const Held held;
    EXPECT_EQ(held.of(tcp), SocketOptions());
    EXPECT_EQ(held.of(udp), SocketOptions());
    EXPECT_EQ(held.of(local), SocketOptions());
}

// The kernel takes them from the first packet, and lets nobody set them.
TEST(SocketOptions, OfAnAcceptedConnectionAreNotThoseOfMulticast) {
    for (const int domain : {AF_INET, AF_INET6}) {
        const UniqueFd server = socket_of(domain, SOCK_STREAM);
        // It has a name of its own, which leads to this host.
        sockaddr_storage name{};
        socklen_t size = sizeof name;
        if (::listen(server.get(), 1) != 0 ||
            ::getsockname(server.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0)
            continue;
        const UniqueFd client = socket_of(domain, SOCK_STREAM);
        if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0)
            continue;
        const UniqueFd accepted(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
        const Held held;
        for (const SocketOption& option : held.of(accepted).options)
            EXPECT_EQ(option.name.find("MULTICAST"), std::string::npos) << option.name;
    }
}

TEST(SocketOptions, ThatAreNotKnownAreTold) {
    const UniqueFd socket = socket_of(AF_INET, SOCK_STREAM);
    const Held held;
    const auto lost = put_socket_options_back(
        held.look.tree, {{.pid = held.child.pid(), .fd = socket.get(), .options = {{.name = "SO_NEW", .value = "1"}}}});
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_NE(lost[0].find("SO_NEW"), std::string::npos);
}

TEST(SocketOptions, OfADescriptorThatIsGoneAreTold) {
    const Held held;
    const auto lost = put_socket_options_back(
        held.look.tree, {{.pid = held.child.pid(), .fd = 9999, .options = {{.name = "SO_DEBUG", .value = "1"}}}});
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_NE(lost[0].find("descriptor 9999"), std::string::npos);
}

class Multicast : public ::testing::TestWithParam<std::pair<int, const char*>> {
  protected:
    [[nodiscard]] group_req request() const {
        group_req wanted{};
        wanted.gr_interface = ::if_nametoindex("lo");
        wanted.gr_group.ss_family = static_cast<sa_family_t>(GetParam().first);
        void* address = GetParam().first == AF_INET
                            ? static_cast<void*>(&reinterpret_cast<sockaddr_in*>(&wanted.gr_group)->sin_addr)
                            : static_cast<void*>(&reinterpret_cast<sockaddr_in6*>(&wanted.gr_group)->sin6_addr);
        EXPECT_EQ(::inet_pton(GetParam().first, GetParam().second, address), 1);
        return wanted;
    }
    [[nodiscard]] int level() const { return GetParam().first == AF_INET ? SOL_IP : SOL_IPV6; }
    [[nodiscard]] bool call(const UniqueFd& socket, int what) const {
        const group_req wanted = request();
        return ::setsockopt(socket.get(), level(), what, &wanted, sizeof wanted) == 0;
    }
};

INSTANTIATE_TEST_SUITE_P(Families, Multicast,
                         ::testing::Values(std::pair(AF_INET, "239.1.2.3"), std::pair(AF_INET6, "ff02::4321")));

TEST_P(Multicast, MembershipIsPutBackInTheSocketThatHadIt) {
    const UniqueFd member = socket_of(GetParam().first, SOCK_DGRAM);
    const UniqueFd other = socket_of(GetParam().first, SOCK_DGRAM);
    if (!call(member, MCAST_JOIN_GROUP))
        GTEST_SKIP() << "no multicast here";
    const Held held;
    const SocketOptions kept = held.of(member);
    ASSERT_EQ(kept.groups.size(), 1U);
    EXPECT_EQ(kept.groups[0].group, GetParam().second);
    EXPECT_EQ(kept.groups[0].device, "lo");
    EXPECT_EQ(held.of(other).groups.size(), 0U);
    ASSERT_TRUE(call(member, MCAST_LEAVE_GROUP));
    ASSERT_EQ(held.of(member).groups.size(), 0U);
    EXPECT_EQ(put_socket_options_back(held.look.tree, {kept}), std::vector<std::string>());
    EXPECT_EQ(held.of(member).groups, kept.groups);
}

TEST_P(Multicast, OnADeviceThatIsNotHereIsTold) {
    const UniqueFd socket = socket_of(GetParam().first, SOCK_DGRAM);
    const Held held;
    const auto lost = put_socket_options_back(
        held.look.tree, {{.pid = held.child.pid(),
                          .fd = socket.get(),
                          .options = {},
                          .groups = {{.device = "none0", .group = GetParam().second, .sources = {}}}}});
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_NE(lost[0].find("there is no such network device here"), std::string::npos) << lost[0];
}

TEST(Igmp, IsReadByDevice) {
    const auto groups = parse_igmp("Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
                                   "1\tlo        :     1      V3\n"
                                   "\t\t\t\t010000E0     1 0:00000000\t\t0\n"
                                   "12\teth0.5:     2      V3\n"
                                   "\t\t\t\tFB0000E0     1 0:00000000\t\t0\n");
    ASSERT_EQ(groups.size(), 2U);
    EXPECT_EQ(groups[0], (JoinedGroup{.device = 1, .name = "lo", .group = "224.0.0.1"}));
    EXPECT_EQ(groups[1], (JoinedGroup{.device = 12, .name = "eth0.5", .group = "224.0.0.251"}));
}

TEST(Igmp6, IsReadByDevice) {
    const auto groups = parse_igmp6("2    eth0            ff0200000000000000000000000000fb     1 00000004 0\n");
    ASSERT_EQ(groups.size(), 1U);
    EXPECT_EQ(groups[0], (JoinedGroup{.device = 2, .name = "eth0", .group = "ff02::fb"}));
}

} // namespace
} // namespace cedana
