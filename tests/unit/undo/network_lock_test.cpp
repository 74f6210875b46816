// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/netlink.hpp"
#include "cedana/base/nftables.hpp"
#include "cedana/undo/network_lock.hpp"

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "unit/undo/own_network.hpp"

namespace cedana::criu {
namespace {

// As CRIU 4.2 begins its log.
constexpr const char* k_log = "(00.000000) Version: 4.2.1 (gitid 0)\n"
                              "(00.000012) CRIU run id = 275fc136-5496-44cf-ad6f-0123456789ab\n"
                              "(00.000020) Running on host Linux 6.18\n";

TEST(NetworkLock, IsNamedAfterTheRunAndCutOffAsCriuCutsIt) {
    EXPECT_EQ(network_lock_of(k_log), "CRIU-275fc136-5496-44cf-ad");
}

TEST(NetworkLock, OfAShortIdIsWhole) { EXPECT_EQ(network_lock_of("CRIU run id = 4711\n"), "CRIU-4711"); }

TEST(NetworkLock, IsThatOfTheProcessThatDoesWhatCriuWasAskedForThroughASocket) {
    EXPECT_EQ(network_lock_of("(00.000000) CRIU run id = 4711\n(00.000000) CRIU run id = 4712\n(00.000011) Version\n"),
              "CRIU-4712");
}

TEST(NetworkLock, OfALogThatWasCutOffInTheNameOfTheRunIsUnknown) {
    EXPECT_EQ(network_lock_of("(00.000012) CRIU run id = "), std::nullopt);
}

TEST(NetworkLock, OfALogWithoutARunIsUnknown) {
    EXPECT_EQ(network_lock_of("(00.000000) Version: 3.17\n"), std::nullopt);
}

int make_table(const std::string& name) {
    const std::array batch = {
        nft::batch_bound(NFNL_MSG_BATCH_BEGIN),
        nft::request(NFT_MSG_NEWTABLE, NLM_F_ACK | NLM_F_CREATE, NFPROTO_INET).text(NFTA_TABLE_NAME, name),
        nft::batch_bound(NFNL_MSG_BATCH_END)};
    return NetlinkSocket(NETLINK_NETFILTER).acknowledged(batch);
}

class NetworkLocks : public ::testing::Test {
  protected:
    void in_new_network(const std::function<void()>& test) {
        const bool is_permitted = testing::in_own_network([&] {
            if (make_table("CRIU-one") != 0 || make_table("CRIU-two") != 0 || make_table("other") != 0)
                reason_ = "no nftables on this host";
            else
                test();
        });
        if (!is_permitted)
            reason_ = "not permitted to make a network namespace";
    }
    std::string reason_;
};

TEST_F(NetworkLocks, AreTheTablesOfCriu) {
    std::vector<std::string> found;
    in_new_network([&] { found = network_locks(); });
    if (!reason_.empty())
        GTEST_SKIP() << reason_;
    EXPECT_EQ(found, (std::vector<std::string>{"CRIU-one", "CRIU-two"}));
}

TEST_F(NetworkLocks, AreRemovedOneByOne) {
    std::vector<std::string> left;
    bool first = false;
    bool again = true;
    in_new_network([&] {
        first = remove_network_lock("CRIU-one");
        again = remove_network_lock("CRIU-one");
        left = network_locks();
    });
    if (!reason_.empty())
        GTEST_SKIP() << reason_;
    EXPECT_TRUE(first);
    EXPECT_FALSE(again);
    EXPECT_EQ(left, std::vector<std::string>{"CRIU-two"});
}

} // namespace
} // namespace cedana::criu
