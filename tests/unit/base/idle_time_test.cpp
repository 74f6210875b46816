// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/idle_time.hpp"

#include <gtest/gtest.h>

namespace cedana::testing {
namespace {

TEST(IdleTime, IsTheSecondNumberOfUptime) {
    EXPECT_EQ(parse_idle_time("76544.12 152088.07\n"), std::chrono::milliseconds(152'088'070));
    EXPECT_EQ(parse_idle_time("1.00 0.50\n"), std::chrono::milliseconds(500));
    for (const std::string_view text : {"", "1.00", "1.00 \n", "1.00 2\n", "1.00 2.5\n", "1.00 x.yz\n", "1.00 2.345\n"})
        EXPECT_FALSE(parse_idle_time(text)) << text;
}

TEST(IdleTime, OfThisHostIsTold) {
    const auto now = idle_time();
    ASSERT_TRUE(now);
    EXPECT_GE(*idle_time(), *now);
}

} // namespace
} // namespace cedana::testing
