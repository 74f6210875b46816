// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/sockets.hpp"

#include <array>
#include <cstring>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace cedana {
namespace {

std::uint64_t inode(const UniqueFd& fd) {
    struct ::stat info {};
    ::fstat(fd.get(), &info);
    return info.st_ino;
}

TEST(UnixSockets, KnowTheirPeers) {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
    const UniqueFd one(pair[0]);
    const UniqueFd other(pair[1]);
    const auto sockets = unix_sockets();
    ASSERT_TRUE(sockets) << "no unix_diag on this host";
    EXPECT_EQ(sockets->at(inode(one)).peer, inode(other));
    EXPECT_EQ(sockets->at(inode(one)).type, SOCK_SEQPACKET);
}

TEST(UnixSockets, HaveNoPeerOnceItClosed) {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    const UniqueFd one(pair[0]);
    UniqueFd(pair[1]).reset();
    const auto sockets = unix_sockets();
    ASSERT_TRUE(sockets) << "no unix_diag on this host";
    EXPECT_EQ(sockets->at(inode(one)).peer, 0U);
}

TEST(UnixSockets, HaveNames) {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const std::string name = "cedana-test-" + std::to_string(::getpid());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // Behind a zero byte: an abstract name.
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(socket.get(), 1), 0);
    const auto sockets = unix_sockets();
    ASSERT_TRUE(sockets) << "no unix_diag on this host";
    EXPECT_EQ(sockets->at(inode(socket)).name, "@" + name);
    EXPECT_TRUE(sockets->at(inode(socket)).listens);
}

TEST(HoldersOfSockets, AreProcessesThatHaveThemOpen) {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(holders_of_sockets(Procfs(), {0, inode(socket)}),
              (std::map<std::uint64_t, pid_t>{{inode(socket), ::getpid()}}));
}

} // namespace
} // namespace cedana
