// SPDX-License-Identifier: Apache-2.0
#include "cedana/migration/frame_queue.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace cedana::migration {
namespace {

constexpr auto k_long = std::chrono::seconds(60);
constexpr auto k_short = std::chrono::milliseconds(20);

TEST(FrameQueue, GivesWhatCameInItsOrderBeforeWhyItEnded) {
    FrameQueue queue("beta");
    queue.push({.type = FrameType::ready});
    queue.push({.type = FrameType::ended, .payload = "why"});
    queue.fail(Error(Fault::connection, "gone"));
    EXPECT_EQ(queue.next(k_long, Interrupt::none()).type, FrameType::ready);
    EXPECT_EQ(queue.next(k_long, Interrupt::none()).payload, "why");
    EXPECT_THROW(static_cast<void>(queue.next(k_long, Interrupt::none())), Error);
}

TEST(FrameQueue, WaitsForAnotherThread) {
    FrameQueue queue("beta");
    const std::jthread other([&] { queue.push({.type = FrameType::go}); });
    EXPECT_EQ(queue.next(k_long, Interrupt::none()).type, FrameType::go);
}

TEST(FrameQueue, WaitsNoLongerThanNothingStirs) {
    FrameQueue queue("beta");
    int ticks = 0;
    try {
        static_cast<void>(queue.next(k_short, Interrupt::none(), [&] {
            if (++ticks < 3)
                queue.stirred();
        }));
        ADD_FAILURE() << "a frame came";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::connection);
        EXPECT_GE(ticks, 3);
    }
}

} // namespace
} // namespace cedana::migration
