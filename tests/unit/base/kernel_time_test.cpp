// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/kernel_time.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

using std::chrono::nanoseconds;

TEST(KernelTime, GoesBothWaysAlsoBefore1970) {
    for (const nanoseconds time : {nanoseconds(0), nanoseconds(1), nanoseconds(-1), nanoseconds(1'500'000'000),
                                   nanoseconds(-1'500'000'000), nanoseconds(-2'000'000'000)}) {
        const timespec written = timespec_of(time);
        EXPECT_EQ(nanoseconds_of(written), time);
        EXPECT_GE(written.tv_nsec, 0);
        EXPECT_LT(written.tv_nsec, 1'000'000'000);
    }
    EXPECT_EQ(timespec_of(nanoseconds(-1)).tv_sec, -1);
}

TEST(KernelTime, OfAClockGoesOnAndOfNoneIsAnError) {
    const nanoseconds before = time_of_clock(CLOCK_MONOTONIC);
    EXPECT_GT(before, nanoseconds(0));
    EXPECT_LE(before, time_of_clock(CLOCK_MONOTONIC));
    EXPECT_THROW((void)time_of_clock(31), Error);
}

} // namespace
} // namespace cedana
