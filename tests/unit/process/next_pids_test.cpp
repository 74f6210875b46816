// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/next_pids.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

constexpr pid_t k_max = 32768;

TEST(NextPids, GoOnAboveAllThatAreUsed) { EXPECT_EQ(last_before_free({400, 4711}, k_max, 256), 4711); }

TEST(NextPids, StayAboveTheReservedOnes) { EXPECT_EQ(last_before_free({2, 3}, k_max, 256), 299); }

TEST(NextPids, OfAnEmptyTreeBeginAboveTheReservedOnes) { EXPECT_EQ(last_before_free({}, k_max, 256), 299); }

TEST(NextPids, GoBackToTheLowestGapBelowTheHighest) {
    EXPECT_EQ(last_before_free({310, 500, 900, 32760}, k_max, 256), 500);
}

TEST(NextPids, AreNotThereWithoutAGap) { EXPECT_EQ(last_before_free({310, 500}, 512, 256), std::nullopt); }

TEST(NextPids, ComeSoonWithinTheCountAlone) {
    EXPECT_TRUE(comes_soon({300}, 299, 1));
    EXPECT_TRUE(comes_soon({300}, 200, 100));
    EXPECT_FALSE(comes_soon({300}, 199, 100));
    EXPECT_FALSE(comes_soon({300}, 300, 100));
}

} // namespace
} // namespace cedana
