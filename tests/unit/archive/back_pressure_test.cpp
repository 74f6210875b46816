// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/back_pressure.hpp"

#include <memory>

#include <gtest/gtest.h>

#include <poll.h>

namespace cedana::testing {
namespace {

class ShortOfMemory : public ::testing::Test {
  protected:
    void add_frame(CapturedImage& to) {
        auto frame = std::make_unique<CapturedFrame>();
        frame->own.resize(k_frame_size);
        to.frames.push_back(std::move(frame));
        queue.add_bytes(to, k_frame_size);
    }
    [[nodiscard]] bool is_capture_woken() const {
        pollfd entry{.fd = pressure.space_ready(), .events = POLLIN, .revents = 0};
        return ::poll(&entry, 1, 0) == 1;
    }

    ImageQueue queue{Method::zstd, {"pages-"}};
    BackPressure pressure{queue};
    CapturedImage& image = queue.add("pages-1.img", nullptr);
    CapturedImage& other = queue.add("pages-2.img", nullptr);
};

TEST_F(ShortOfMemory, WakesTheCaptureOnlyIfItWaits) {
    pressure.wake_capture();
    EXPECT_FALSE(is_capture_woken());
    pressure.capture_waits();
    pressure.wake_capture();
    EXPECT_TRUE(is_capture_woken());
}

TEST_F(ShortOfMemory, GivesNothingBesideThePoolWhileTheWriterWorks) {
    EXPECT_EQ(pressure.overdraft_for(image), Overdraft::none);
}

TEST_F(ShortOfMemory, GivesTheLastToTheImageThatTheWriterWaitsFor) {
    pressure.writer_waits(&image);
    EXPECT_EQ(pressure.overdraft_for(image), Overdraft::all);
    EXPECT_EQ(pressure.overdraft_for(other), Overdraft::some);
    pressure.writer_goes_on();
    EXPECT_EQ(pressure.overdraft_for(image), Overdraft::none);
}

TEST_F(ShortOfMemory, GivesNothingBesideThePoolWhileAFrameCanBeCompressed) {
    add_frame(image);
    add_frame(image);
    queue.begin_batch({&image});
    pressure.writer_waits(&image);
    EXPECT_EQ(pressure.overdraft_for(image), Overdraft::none);
    queue.take_frame(image).state = FrameState::encoded;
    // The writer can go on with that one.
    EXPECT_EQ(pressure.overdraft_for(image), Overdraft::none);
    static_cast<void>(queue.take_encoded(image));
    EXPECT_EQ(pressure.overdraft_for(image), Overdraft::all);
}

TEST_F(ShortOfMemory, WakesTheCaptureWhenTheWriterNeedsInput) {
    pressure.capture_waits();
    pressure.writer_waits(nullptr);
    EXPECT_TRUE(is_capture_woken());
}

TEST_F(ShortOfMemory, IsStuckWhenBothWait) {
    pressure.writer_waits(nullptr);
    EXPECT_FALSE(pressure.is_stuck());
    pressure.capture_waits();
    EXPECT_TRUE(pressure.is_stuck());
    pressure.writer_goes_on();
    EXPECT_FALSE(pressure.is_stuck());
}

} // namespace
} // namespace cedana::testing
