// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/paced_level.hpp"

#include <gtest/gtest.h>

namespace cedana::testing {
namespace {

// A host of which so many processors are idle, each time that it is asked a second later; its clock is long behind.
class PacedLevels : public ::testing::Test {
  protected:
    PacedLevel::HostTime second() {
        now_ += std::chrono::seconds(1);
        idle_ += std::chrono::milliseconds(static_cast<int>(1000 * idle_cores_));
        return {.now = now_, .idle = idle_};
    }

    double idle_cores_ = 1;
    std::chrono::steady_clock::time_point now_;
    std::chrono::milliseconds idle_{};
};

TEST_F(PacedLevels, RisesWhereTheTakerIsSlowAndProcessorsAreIdle) {
    PacedLevel level(3, 6, [this] { return second(); });
    EXPECT_EQ(level.level(), 3);
    for (int i = 0; i < 5; ++i)
        level.taker_is_slow();
    EXPECT_EQ(level.level(), 6);
    level.taker_is_quick();
    EXPECT_EQ(level.level(), 5);
    for (int i = 0; i < 5; ++i)
        level.taker_is_quick();
    EXPECT_EQ(level.level(), 3);
}

// Then it may be slow since it has none.
TEST_F(PacedLevels, FallsWhereNoProcessorIsIdle) {
    PacedLevel level(1, 12, [this] { return second(); });
    for (int i = 0; i < 3; ++i)
        level.taker_is_slow();
    EXPECT_EQ(level.level(), 4);
    idle_cores_ = 0.3;
    level.taker_is_slow();
    EXPECT_EQ(level.level(), 4);
    idle_cores_ = 0.1;
    level.taker_is_slow();
    EXPECT_EQ(level.level(), 3);
}

TEST_F(PacedLevels, IsNeverBelowWhatWasAskedFor) {
    PacedLevel level(19, PacedLevel::k_most, [this] { return second(); });
    level.taker_is_slow();
    EXPECT_EQ(level.level(), 19);
    level.taker_is_quick();
    EXPECT_EQ(level.level(), 19);
}

} // namespace
} // namespace cedana::testing
