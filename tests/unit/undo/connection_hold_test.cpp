// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/undo/connection_hold.hpp"

#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "support/nft_tables.hpp"
#include "unit/undo/own_network.hpp"

namespace cedana {
namespace {

void need(bool done, const char* what) {
    if (!done)
        throw std::runtime_error(what);
}

struct Pair {
    UniqueFd client;
    UniqueFd server;
    // Of the client, as CRIU's image has it.
    criu::DumpedInet dumped = {};
};

criu::InetEnd end_of(const sockaddr_in6& name, int family) {
    criu::InetEnd end{.address = {}, .port = ntohs(name.sin6_port)};
    if (family == AF_INET)
        std::memcpy(end.address.data(), &reinterpret_cast<const sockaddr_in&>(name).sin_addr, sizeof(in_addr));
    else
        std::memcpy(end.address.data(), &name.sin6_addr, sizeof name.sin6_addr);
    return end;
}

sockaddr_in6 loopback(int family, const char* address) {
    sockaddr_in6 name{};
    name.sin6_family = static_cast<sa_family_t>(family);
    void* const place = family == AF_INET ? static_cast<void*>(&reinterpret_cast<sockaddr_in&>(name).sin_addr)
                                          : static_cast<void*>(&name.sin6_addr);
    need(::inet_pton(family, address, place) == 1, "no address");
    return name;
}

Pair connect_pair(int family, const char* address) {
    sockaddr_in6 name = loopback(family, address);
    socklen_t size = sizeof name;
    const UniqueFd listener(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    Pair pair{.client = UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)), .server = UniqueFd()};
    auto* const any = reinterpret_cast<sockaddr*>(&name);
    need(::bind(listener.get(), any, size) == 0 && ::listen(listener.get(), 1) == 0 &&
             ::getsockname(listener.get(), any, &size) == 0 && ::connect(pair.client.get(), any, size) == 0,
         "cannot connect");
    pair.server.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    pair.dumped = {.family = family, .type = SOCK_STREAM, .protocol = IPPROTO_TCP, .remote = end_of(name, family)};
    need(::getsockname(pair.client.get(), any, &size) == 0, "cannot look at the socket");
    pair.dumped.local = end_of(name, family);
    return pair;
}

bool is_readable(const UniqueFd& socket, int limit_ms) {
    pollfd entry{.fd = socket.get(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, limit_ms) == 1;
}

class ConnectionHolds : public ::testing::Test {
  protected:
    void in_new_network(const std::function<void()>& test) {
        const bool is_permitted = testing::in_own_network([&] {
            start_loopback();
            test();
        });
        if (!is_permitted)
            reason_ = "not permitted to make a network namespace";
        if (!reason_.empty())
            GTEST_SKIP() << reason_;
    }
    // Whether it has such tables is the kernel's.
    void expect_that_it_holds(const ConnectionHold& hold) {
        if (!hold.holds())
            reason_ = "no tables of nftables with an owner on this host";
    }
    std::string reason_;

  private:
    static void start_loopback() {
        const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        ifreq request{};
        request.ifr_name[0] = 'l';
        request.ifr_name[1] = 'o';
        request.ifr_flags = IFF_UP;
        need(::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0, "cannot start the loopback device");
    }
};

constexpr int k_long_ms = 30000;

TEST_F(ConnectionHolds, LetNothingThroughUntilTheyAreReleasedAndOthersAreLeftAlone) {
    in_new_network([&] {
        std::vector<Pair> held;
        held.push_back(connect_pair(AF_INET, "127.0.0.1"));
        held.push_back(connect_pair(AF_INET6, "::ffff:127.0.0.1"));
        held.push_back(connect_pair(AF_INET6, "::1"));
        const Pair other = connect_pair(AF_INET, "127.0.0.1");
        ConnectionHold hold({held[0].dumped, held[1].dumped, held[2].dumped});
        expect_that_it_holds(hold);
        if (!hold.holds())
            return;
        for (const Pair& one : held) {
            need(::send(one.client.get(), "x", 1, 0) == 1 && ::send(one.server.get(), "x", 1, 0) == 1, "cannot send");
            EXPECT_FALSE(is_readable(one.server, 0));
            EXPECT_FALSE(is_readable(one.client, 0));
        }
        need(::send(other.client.get(), "x", 1, 0) == 1, "cannot send");
        EXPECT_TRUE(is_readable(other.server, k_long_ms));
        hold.release();
        EXPECT_FALSE(hold.holds());
        EXPECT_TRUE(testing::nft_tables("").empty());
        for (const Pair& one : held) {
            EXPECT_TRUE(is_readable(one.server, k_long_ms));
            EXPECT_TRUE(is_readable(one.client, k_long_ms));
        }
    });
}

TEST_F(ConnectionHolds, TakeThousandsOfThem) {
    in_new_network([&] {
        std::vector<criu::DumpedInet> many;
        for (std::uint16_t port = 1; port < 3000; ++port)
            many.push_back({.family = AF_INET,
                            .protocol = IPPROTO_TCP,
                            .local = {.address = {htonl(INADDR_LOOPBACK)}, .port = port},
                            .remote = {.address = {htonl(INADDR_LOOPBACK)}, .port = 4000}});
        const Pair last = connect_pair(AF_INET, "127.0.0.1");
        many.push_back(last.dumped);
        ConnectionHold hold(many);
        expect_that_it_holds(hold);
        need(::send(last.client.get(), "x", 1, 0) == 1, "cannot send");
        if (hold.holds()) {
            EXPECT_FALSE(is_readable(last.server, 0));
        }
    });
}

TEST_F(ConnectionHolds, OfNoConnectionsMakeNoTable) {
    in_new_network([&] {
        const ConnectionHold hold({});
        EXPECT_FALSE(hold.holds());
        EXPECT_TRUE(testing::nft_tables("").empty());
    });
}

} // namespace
} // namespace cedana
