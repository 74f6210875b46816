// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/sockets.hpp"

#include <array>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {
namespace {

std::uint64_t inode(const UniqueFd& fd) {
    struct ::stat info {};
    ::fstat(fd.get(), &info);
    return info.st_ino;
}

TEST(ConnectedTcpSockets, AreNeitherListenersNorClosedOnes) {
    const std::string_view table =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 0 100\n"
        "   1: 0100007F:1F90 0100007F:8000 01 00000000:00000000 00:00000000 00000000     0        0 101 1 0 100\n"
        "   2: 0100007F:8000 0100007F:1F90 08 00000000:00000000 00:00000000 00000000     0        0 102 1 0 100\n"
        "   3: 0100007F:8001 0100007F:1F90 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0 100\n"
        "   4: 0100007F:8002 0100007F:1F90 07 00000000:00000000 00:00000000 00000000     0        0 104 1 0 100\n";
    TcpConnections connections;
    add_connected(connections, table);
    EXPECT_EQ(connections, (TcpConnections{{101, {"127.0.0.1", 8080, "127.0.0.1", 32768}},
                                           {102, {"127.0.0.1", 32768, "127.0.0.1", 8080}}}));
}

TEST(ConnectedTcpSockets, HaveAddressesOfBothKinds) {
    const std::string_view table =
        " 0: 000080FE00000000FF565002BD69B1FE:0016 B80D0120000000000000000001000000:D431 01 0:0 0:0 0 0 0 101 1\n"
        " 1: 0000000000000000FFFF00000500000A:0016 0000000000000000FFFF00000600000A:D431 01 0:0 0:0 0 0 0 102 1\n";
    TcpConnections connections;
    add_connected(connections, table);
    EXPECT_EQ(connections.at(101), (TcpConnection{"fe80::250:56ff:feb1:69bd", 22, "2001:db8::1", 54321}));
    EXPECT_EQ(connections.at(102), (TcpConnection{"10.0.0.5", 22, "10.0.0.6", 54321}));
}

TEST(ConnectedTcpSockets, SurviveAnyTable) {
    TcpConnections inodes;
    for (const std::string_view table : {"", "\n", "x", "1 2 3 zz", " 0: a b 01 c d e f g 99999999999999999999999"})
        add_connected(inodes, table);
    EXPECT_TRUE(inodes.empty());
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

TEST(HolderOfSocket, IsAProcessThatHasItOpen) {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(holder_of_socket(Procfs(), inode(socket)), ::getpid());
    EXPECT_FALSE(holder_of_socket(Procfs(), 0));
}

} // namespace
} // namespace cedana
