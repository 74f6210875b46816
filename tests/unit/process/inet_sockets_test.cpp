// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/inet_sockets.hpp"

#include <map>

#include <gtest/gtest.h>

namespace cedana {
namespace {

InetSockets sockets_in(std::string_view table, InetProtocol protocol = InetProtocol::tcp) {
    InetSockets sockets;
    add_inet_sockets(sockets, protocol, table);
    return sockets;
}

constexpr std::string_view k_table =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 0 100\n"
    "   1: 0100007F:1F90 0100007F:8000 01 00000000:00000000 00:00000000 00000000     0        0 101 1 0 100\n"
    "   2: 0100007F:8000 0100007F:1F90 08 00000000:00000000 00:00000000 00000000     0        0 102 1 0 100\n"
    "   3: 0100007F:8001 0100007F:1F90 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0 100\n"
    "   4: 0100007F:8002 0100007F:1F90 07 00000000:00000000 00:00000000 00000000     0        0 104 1 0 100\n";

TEST(TcpSockets, ThatListenOrAreClosedAreNoConnections) {
    std::map<std::uint64_t, TcpConnection> connections;
    for (const auto& [inode, socket] : sockets_in(k_table))
        if (socket.is_connection())
            connections[inode] = socket.ends;
    EXPECT_EQ(connections, (std::map<std::uint64_t, TcpConnection>{{101, {"127.0.0.1", 8080, "127.0.0.1", 32768}},
                                                                   {102, {"127.0.0.1", 32768, "127.0.0.1", 8080}}}));
}

TEST(TcpSockets, AreToldApart) {
    const InetSockets sockets = sockets_in(k_table);
    EXPECT_TRUE(sockets.at(100).listens());
    EXPECT_FALSE(sockets.at(101).listens());
    EXPECT_FALSE(sockets.at(104).listens());
    // One that waits after its end belongs to nobody.
    EXPECT_EQ(sockets.size(), 4U);
}

TEST(TcpSockets, ThatNobodyHasOpenAnyMoreAreKeptByTheKernel) {
    std::vector<EndedConnection> ended;
    add_ended_connections(
        ended, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
               "   0: 0100007F:1F90 0100007F:8000 01 00000000:00000000 00:00000000 00000000     0        0 101 1 0\n"
               "   1: 0100007F:1F90 0100007F:8001 06 00000000:00000000 03:00000F0A 00000000     0        0 0 3 0\n"
               "   2: 0100007F:1F90 0100007F:8002 04 00000001:00000000 01:00000014 00000000     0        0 0 2 0\n"
               "   3: 0100007F:1F90 0100007F:8003 03 00000000:00000000 01:00000014 00000000     0        0 0 2 0\n"
               "   4: 0100007F:1F90 0100007F:8004 05 00000000:00000000 00:00000000 00000000     0        0 104 2 0\n");
    ASSERT_EQ(ended.size(), 2U);
    EXPECT_EQ(ended[0].ends, (TcpConnection{"127.0.0.1", 8080, "127.0.0.1", 32769}));
    EXPECT_TRUE(ended[0].has_sent_all);
    EXPECT_EQ(ended[1].ends.remote_port, 32770);
    EXPECT_FALSE(ended[1].has_sent_all);
}

TEST(TcpSockets, HaveAddressesOfBothKinds) {
    const InetSockets sockets = sockets_in(
        " 0: 000080FE00000000FF565002BD69B1FE:0016 B80D0120000000000000000001000000:D431 01 0:0 0:0 0 0 0 101 1\n"
        " 1: 0000000000000000FFFF00000500000A:0016 0000000000000000FFFF00000600000A:D431 01 0:0 0:0 0 0 0 102 1\n");
    EXPECT_EQ(sockets.at(101).ends, (TcpConnection{"fe80::250:56ff:feb1:69bd", 22, "2001:db8::1", 54321}));
    EXPECT_EQ(sockets.at(102).ends, (TcpConnection{"10.0.0.5", 22, "10.0.0.6", 54321}));
}

TEST(UdpSockets, NeitherListenNorConnectAsTcpDoes) {
    for (const auto& [inode, socket] : sockets_in(k_table, InetProtocol::udp)) {
        EXPECT_FALSE(socket.listens()) << inode;
        EXPECT_FALSE(socket.is_connection()) << inode;
    }
}

TEST(InetSockets, SurviveAnyTable) {
    for (const std::string_view table : {"", "\n", "x", "1 2 3 zz", " 0: a b 01 c d e f g 99999999999999999999999"})
        EXPECT_TRUE(sockets_in(table).empty()) << table;
}

} // namespace
} // namespace cedana
