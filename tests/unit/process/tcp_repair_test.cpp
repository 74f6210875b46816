// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/procfs.hpp"
#include "cedana/process/tcp_repair.hpp"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "unit/process/forked.hpp"

namespace cedana {
namespace {

using testing::Forked;

int repair_mode(int socket) {
    int mode = -1;
    socklen_t size = sizeof mode;
    EXPECT_EQ(::getsockopt(socket, IPPROTO_TCP, TCP_REPAIR, &mode, &size), 0);
    return mode;
}

bool set_repair(int socket) {
    constexpr int k_on = 1;
    return ::setsockopt(socket, IPPROTO_TCP, TCP_REPAIR, &k_on, sizeof k_on) == 0;
}

TEST(EndTcpRepair, WorksOnTheSocketsOfAnotherProcessAndCountsThem) {
    const UniqueFd stuck(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const UniqueFd ordinary(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!set_repair(stuck.get()))
        GTEST_SKIP() << "needs CAP_NET_ADMIN, to put a socket into repair mode";
    const Forked child;
    const Procfs procfs;
    EXPECT_EQ(end_tcp_repair(procfs, ProcessHandle::open(procfs, child.pid())), 1U);
    EXPECT_EQ(repair_mode(stuck.get()), 0);
}

TEST(EndTcpRepair, OfAProcessWithoutSuchSocketsDoesNothing) {
    const Forked child;
    const Procfs procfs;
    EXPECT_EQ(end_tcp_repair(procfs, ProcessHandle::open(procfs, child.pid())), 0U);
}

} // namespace
} // namespace cedana
