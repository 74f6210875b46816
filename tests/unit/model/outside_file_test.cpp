// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/outside_file.hpp"

#include <gtest/gtest.h>

#include <sys/sysmacros.h>

namespace cedana {
namespace {

TEST(OutsideFile, IsCalledAsCriuCallsIt) {
    EXPECT_EQ(external_id(0x1a3, 0xffffffff01U), "file[1a3:ffffffff01]");
    EXPECT_TRUE(is_external_id(external_id(1, 4)));
}

TEST(OutsideFile, IsNeverCalledAnythingElse) {
    for (const char* id : {"", "file[]", "file[1]", "file[1:]", "file[:4]", "file[1:4", "file[1:4]:x", "file[1:4:5]",
                           "file[1:4],fd[0]:x", "file[G:4]", "pipe:[4]", "net[4]:x"})
        EXPECT_FALSE(is_external_id(id)) << id;
}

TEST(OutsideFile, ThatIsADeviceWithoutAStateIsThatOfAnyHost) {
    EXPECT_EQ(path_of_stateless(makedev(1, 3)), "/dev/null");
    EXPECT_EQ(path_of_stateless(makedev(1, 9)), "/dev/urandom");
    EXPECT_EQ(path_of_stateless(makedev(1, 1)), "");
    EXPECT_EQ(path_of_stateless(makedev(5, 3)), "");
}

} // namespace
} // namespace cedana
