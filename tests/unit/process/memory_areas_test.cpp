// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/memory_areas.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

constexpr std::string_view k_smaps = "55d0c0a00000-55d0c0a21000 rw-p 00000000 00:00 0                          [heap]\n"
                                     "Size:                132 kB\n"
                                     "ProtectionKey:         0\n"
                                     "VmFlags: rd wr mr mw me ac sd \n"
                                     "7f10-7f20 r--s 00001000 08:01 1234                       /tmp/a file\n"
                                     "VmFlags: rd mr me ms \n"
                                     "7f20-7f30 ---p 00000000 00:00 0 \n"
                                     "ProtectionKey:         3\n"
                                     "VmFlags: mr mw me dp \n";

TEST(MemoryAreas, AreReadFromSmaps) {
    const auto areas = parse_areas(k_smaps);
    ASSERT_EQ(areas.size(), 3U);
    EXPECT_EQ(areas[0].start, 0x55d0c0a00000U);
    EXPECT_EQ(areas[0].size(), 0x21000U);
    EXPECT_TRUE(areas[0].is_private);
    EXPECT_TRUE(areas[0].is_readable);
    EXPECT_FALSE(areas[0].is_executable);
    EXPECT_EQ(areas[0].name, "[heap]");
    EXPECT_TRUE(areas[0].has_flag("sd"));
    EXPECT_FALSE(areas[0].has_flag("dp"));
    EXPECT_FALSE(areas[1].is_private);
    EXPECT_EQ(areas[1].inode, 1234U);
    EXPECT_EQ(areas[1].name, "/tmp/a file");
    EXPECT_FALSE(areas[2].is_readable);
    EXPECT_EQ(areas[2].name, "");
    EXPECT_TRUE(areas[2].has_flag("dp"));
    EXPECT_EQ(areas[1].protection_key, 0U);
    EXPECT_EQ(areas[2].protection_key, 3U);
}

TEST(MemoryAreas, OfMapsHaveNoFlags) {
    const auto areas = parse_areas("7f10-7f20 rw-p 00001000 08:01 1234 /tmp/a");
    ASSERT_EQ(areas.size(), 1U);
    EXPECT_EQ(areas[0].flags, "");
    EXPECT_TRUE(parse_areas("7f10-7f20 r-xp 00001000 08:01 1234 /tmp/a").front().is_executable);
}

TEST(MemoryAreas, LinesOfAnotherFormArePassedOver) {
    EXPECT_TRUE(parse_areas("").empty());
    EXPECT_TRUE(
        parse_areas("7f10 rw-p 0 0:0 0\n-7f20 rw-p 0 0:0 0\n7f10-7f20 rw 0 0:0 0\n7f10-7f20 rw-p 0 0:0 x\n").empty());
}

} // namespace
} // namespace cedana
