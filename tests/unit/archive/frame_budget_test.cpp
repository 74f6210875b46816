// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/codec.hpp"
#include "cedana/archive/frame_budget.hpp"

#include <utility>

#include <gtest/gtest.h>

namespace cedana::testing {
namespace {

TEST(FrameBudget, IsSpentWhenTheBufferIsFull) {
    FrameBudget budget(4 * k_frame_size);
    for (int i = 0; i < 2; ++i)
        static_cast<void>(budget.hold(k_frame_size));
    EXPECT_TRUE(budget.is_half_spent());
    EXPECT_FALSE(budget.is_spent());
    for (int i = 0; i < 2; ++i)
        static_cast<void>(budget.hold(k_frame_size));
    EXPECT_TRUE(budget.is_spent());
    budget.let_go();
    EXPECT_FALSE(budget.is_spent());
}

TEST(FrameBudget, GivesMemoryOfWholeFramesAgain) {
    FrameBudget budget(4 * k_frame_size);
    EXPECT_TRUE(budget.hold(k_frame_size).bytes().empty());
    PageMemory memory(k_frame_size);
    const std::byte* const start = memory.bytes().data();
    budget.give_back(std::move(memory));
    EXPECT_TRUE(budget.hold(100).bytes().empty());
    EXPECT_EQ(budget.hold(k_frame_size).bytes().data(), start);
    EXPECT_TRUE(budget.hold(k_frame_size).bytes().empty());
}

TEST(FrameBudget, GivesWhatWasSpareAndHoldsItNotBefore) {
    FrameBudget budget(k_frame_size);
    auto halves = PageMemory::halves_of_huge_page();
    const std::byte* const start = halves[1].bytes().data();
    EXPECT_EQ(start, halves[0].bytes().data() + k_frame_size);
    EXPECT_EQ(halves[0].bytes().size(), k_frame_size);
    budget.spare(std::move(halves[1]));
    EXPECT_FALSE(budget.is_spent());
    EXPECT_EQ(budget.hold(k_frame_size).bytes().data(), start);
    EXPECT_TRUE(budget.is_spent());
    budget.spare(PageMemory());
    EXPECT_TRUE(budget.hold(k_frame_size).bytes().empty());
}

TEST(FrameBudget, KeepsNoMemoryOfOtherSizes) {
    FrameBudget budget(4 * k_frame_size);
    static_cast<void>(budget.hold(100));
    budget.give_back(PageMemory(100));
    EXPECT_TRUE(budget.hold(k_frame_size).bytes().empty());
}

} // namespace
} // namespace cedana::testing
