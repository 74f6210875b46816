// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <array>
#include <functional>

#include <gtest/gtest.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::Forked;
using testing::holds;
using testing::Look;

std::vector<Refusal> sockets_refused_of_child(const std::function<void()>& set_up) {
    const Forked child(set_up);
    const Look look(Procfs(), child.pid());
    const Procfs procfs;
    return refused_sockets(procfs, look.holdings, inet_sockets(procfs, child.pid()));
}

TEST(RefusedSockets, AreNotWhatCriuKnows) {
    const auto refusals = sockets_refused_of_child([] {
        ::socket(AF_INET, SOCK_STREAM, 0);
        ::socket(AF_INET6, SOCK_DGRAM, 0);
        ::socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
        ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
        ::socket(AF_NETLINK, SOCK_RAW, 0);
        ::socket(AF_PACKET, SOCK_RAW, 0);
        ::socket(AF_UNIX, SOCK_SEQPACKET, 0);
    });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

TEST(RefusedSockets, AreThoseOfNetlinkInAGroupWithoutAnAddress) {
    constexpr int k_netlink = 270;
    const int group = RTNLGRP_LINK;
    const auto refusals = sockets_refused_of_child([&] {
        ::setsockopt(::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), k_netlink, NETLINK_ADD_MEMBERSHIP, &group,
                     sizeof group);
        // Has left the group; is bound.
        const int left = ::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
        ::setsockopt(left, k_netlink, NETLINK_ADD_MEMBERSHIP, &group, sizeof group);
        ::setsockopt(left, k_netlink, NETLINK_DROP_MEMBERSHIP, &group, sizeof group);
        const int bound = ::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
        sockaddr_nl address{};
        address.nl_family = AF_NETLINK;
        testing::must(::bind(bound, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        ::setsockopt(bound, k_netlink, NETLINK_ADD_MEMBERSHIP, &group, sizeof group);
    });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "a socket without an address")) << refusals[0].sentence;
    EXPECT_TRUE(holds(refusals[0].hint, "bind the socket"));
}

TEST(RefusedSockets, AreThoseOfMultipathTcp) {
    const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP));
    if (!probe)
        GTEST_SKIP() << "this kernel has no multipath TCP";
    const auto refusals = sockets_refused_of_child([] { ::socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP); });
    // The child inherits the probe as well.
    ASSERT_EQ(refusals.size(), 2U);
    EXPECT_TRUE(holds(refusals[0].sentence, "multipath TCP"));
    EXPECT_TRUE(holds(refusals[0].hint, "GODEBUG=multipathtcp=0"));
}

TEST(RefusedSockets, AreCorkedOnesOfUdp) {
    const auto refusals = sockets_refused_of_child([] {
        const int on = 1;
        ::setsockopt(::socket(AF_INET, SOCK_DGRAM, 0), SOL_UDP, UDP_CORK, &on, sizeof on);
    });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "corked UDP socket"));
    EXPECT_TRUE(refusals[0].program_can_help);
}

std::vector<Refusal> refused_with_unread(int option) {
    return sockets_refused_of_child([=] {
        std::array<int, 2> pair{};
        const int on = 1;
        ::socketpair(AF_UNIX, SOCK_DGRAM, 0, pair.data());
        if (option != 0)
            ::setsockopt(pair[1], SOL_SOCKET, option, &on, sizeof on);
        static_cast<void>(::write(pair[0], "hello", 5));
    });
}

TEST(RefusedSockets, AreThoseWithUnreadMessagesWhoseSendersAreTold) {
    EXPECT_TRUE(refused_with_unread(0).empty());
    const auto refusals = refused_with_unread(SO_PASSCRED);
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "SO_PASSCRED")) << refusals[0].sentence;
}

TEST(RefusedSockets, AreNotThoseWhoseSendersAreToldWhenAllIsRead) {
    EXPECT_TRUE(sockets_refused_of_child([] {
                    const int on = 1;
                    ::setsockopt(::socket(AF_UNIX, SOCK_DGRAM, 0), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
                }).empty());
}

// A listener and a client in one process; the name is chosen by the kernel.
struct Waiting {
    Waiting() : listener(::socket(AF_UNIX, SOCK_STREAM, 0)), client(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socklen_t size = sizeof address.sun_family;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        testing::must(::bind(listener, generic, size) == 0);
        ::listen(listener, 1);
        size = sizeof address;
        ::getsockname(listener, generic, &size);
        testing::must(::connect(client, generic, size) == 0);
    }
    int listener;
    int client;
};

TEST(RefusedSockets, AreUnacceptedConnectionsWithData) {
    const auto refusals =
        sockets_refused_of_child([] { [[maybe_unused]] const auto sent = ::write(Waiting().client, "data", 4); });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "has not accepted a connection"));
    EXPECT_TRUE(holds(refusals[0].hint, "accept"));
}

TEST(RefusedSockets, AreUnacceptedConnectionsThatWereClosed) {
    EXPECT_EQ(sockets_refused_of_child([] { ::close(Waiting().client); }).size(), 1U);
}

TEST(RefusedSockets, AreNotUnacceptedConnectionsThatAreEmpty) {
    EXPECT_TRUE(sockets_refused_of_child([] { Waiting(); }).empty());
}

TEST(RefusedSockets, AreNotAcceptedConnectionsWithData) {
    const auto refusals = sockets_refused_of_child([] {
        const Waiting waiting;
        testing::must(::accept(waiting.listener, nullptr, nullptr) >= 0);
        [[maybe_unused]] const auto sent = ::write(waiting.client, "data", 4);
    });
    EXPECT_TRUE(refusals.empty());
}

sockaddr* address_of(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

// A listener at a port that the kernel chooses, with a connection.
int connected_listener() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    testing::must(::bind(listener, address_of(address), size) == 0);
    ::listen(listener, 4);
    ::getsockname(listener, address_of(address), &size);
    testing::must(::connect(::socket(AF_INET, SOCK_STREAM, 0), address_of(address), size) == 0);
    return listener;
}

TEST(RefusedSockets, AreTcpConnectionsThatNobodyHasAccepted) {
    const auto refusals = sockets_refused_of_child([] { connected_listener(); });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "has not accepted a TCP connection")) << refusals[0].sentence;
    EXPECT_EQ(refusals[0].passed_with, "--skip-in-flight");
}

TEST(RefusedSockets, AreNotTcpConnectionsThatWereAccepted) {
    const auto refusals =
        sockets_refused_of_child([] { testing::must(::accept(connected_listener(), nullptr, nullptr) >= 0); });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

int route_socket() {
    const int socket = ::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    testing::must(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return socket;
}

TEST(RefusedSockets, AreThoseOfNetlinkWithUnreadData) {
    const auto refusals = sockets_refused_of_child([] {
        struct {
            nlmsghdr header;
            rtgenmsg family;
        } request{};
        request.header.nlmsg_len = sizeof request;
        request.header.nlmsg_type = RTM_GETLINK;
        request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        ::send(route_socket(), &request, sizeof request, 0);
    });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "netlink socket open")) << refusals[0].sentence;
}

TEST(RefusedSockets, AreThoseOfNetlinkWithAHighGroup) {
    const auto join = [](int group) {
        ::setsockopt(route_socket(), 270, NETLINK_ADD_MEMBERSHIP, &group, sizeof group);
    };
    EXPECT_TRUE(sockets_refused_of_child([&] { join(RTNLGRP_LINK); }).empty());
    EXPECT_EQ(sockets_refused_of_child([&] { join(RTNLGRP_NEXTHOP + 1); }).size(), 1U);
}

} // namespace
} // namespace cedana
