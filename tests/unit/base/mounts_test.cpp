// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/mounts.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

TEST(Mounts, AreReadWithAnyNumberOfTags) {
    const std::vector<Mount> mounts = parse_mounts("27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
                                                   "36 27 98:0 /mnt1 /mnt2 rw shared:1 master:2 - xfs /dev/root rw\n");
    ASSERT_EQ(mounts.size(), 2U);
    EXPECT_EQ(mounts[0].id, 27);
    EXPECT_EQ(mounts[0].path, "/");
    EXPECT_EQ(mounts[0].type, "ext4");
    EXPECT_EQ(mounts[1].device, "98:0");
    EXPECT_EQ(mounts[1].path, "/mnt2");
    EXPECT_EQ(mounts[1].type, "xfs");
}

TEST(Mounts, HaveTheirPathsAsTheyAre) {
    EXPECT_EQ(parse_mounts("1 1 8:1 / /a\\040b\\134c rw - ext4 x rw\n").at(0).path, "/a b\\c");
    EXPECT_EQ(parse_mounts("1 1 8:1 / /a\\9\\04 rw - ext4 x rw\n").at(0).path, "/a\\9\\04");
}

TEST(Mounts, ThatAreNoneAreLeftOut) {
    for (const char* line : {"", "\n", "x 1 8:1 / / rw - ext4 a rw", "1 1 8:1 / / rw", "1 1 8:1 / / rw -"})
        EXPECT_TRUE(parse_mounts(line).empty()) << line;
}

TEST(Mounts, OfTheKernelAreMadeUp) {
    for (const char* type : {"proc", "sysfs", "cgroup2", "devpts", "devtmpfs"})
        EXPECT_TRUE(is_made_up({.type = type})) << type;
    for (const char* type : {"ext4", "tmpfs", "overlay", "nfs4", "fuse.sshfs"})
        EXPECT_FALSE(is_made_up({.type = type})) << type;
}

} // namespace
} // namespace cedana
