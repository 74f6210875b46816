// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/leases.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

constexpr std::string_view k_locks = "1: FLOCK  ADVISORY  WRITE 359 00:13:11691 0 EOF\n"
                                     "2: LEASE  ACTIVE    WRITE 420 fe:00:4711 0 EOF\n"
                                     "3: LEASE  ACTIVE    READ  421 fe:00:4712 0 EOF\n"
                                     "4: LEASE  BREAKING  UNLCK 422 fe:00:4713 0 EOF\n"
                                     "5: DELEG  ACTIVE    WRITE 0 fe:00:4714 0 EOF\n";

struct ::stat with_inode(ino_t inode) {
    struct ::stat info {};
    info.st_ino = inode;
    return info;
}

TEST(Leases, AreFoundAmongTheLocks) {
    const std::vector<Lease> leases = parse_leases(k_locks);
    ASSERT_EQ(leases.size(), 3U);
    EXPECT_EQ(leases[0].holder, 420);
    EXPECT_EQ(leases[0].inode, 4711U);
    EXPECT_EQ(leases[2].holder, 0);
}

TEST(Leases, ForWritingAloneAreBrokenByReading) {
    const std::vector<Lease> leases = parse_leases(k_locks);
    EXPECT_TRUE(lease_broken_by_reading(leases, with_inode(4711)));
    EXPECT_TRUE(lease_broken_by_reading(leases, with_inode(4714)));
    EXPECT_FALSE(lease_broken_by_reading(leases, with_inode(4712)));
}

TEST(Leases, ThatAreNotHeededAreNone) { EXPECT_TRUE(LeasesAhead::not_heeded().get().empty()); }

TEST(Leases, ThatAreBrokenAlreadyAreLeftToTheirHolder) {
    EXPECT_FALSE(lease_broken_by_reading(parse_leases(k_locks), with_inode(4713)));
}

} // namespace
} // namespace cedana
