// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/refusal.hpp"

#include <functional>

#include <gtest/gtest.h>

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
    return refused_sockets(look.holdings);
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

// A listener and a client in one process; the name is chosen by the kernel.
struct Waiting {
    Waiting() : listener(::socket(AF_UNIX, SOCK_STREAM, 0)), client(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socklen_t size = sizeof address.sun_family;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        ::bind(listener, generic, size);
        ::listen(listener, 1);
        size = sizeof address;
        ::getsockname(listener, generic, &size);
        ::connect(client, generic, size);
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
        ::accept(waiting.listener, nullptr, nullptr);
        [[maybe_unused]] const auto sent = ::write(waiting.client, "data", 4);
    });
    EXPECT_TRUE(refusals.empty());
}

} // namespace
} // namespace cedana
