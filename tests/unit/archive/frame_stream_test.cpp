// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/codec.hpp"
#include "cedana/archive/frame_stream.hpp"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "unit/archive/support.hpp"

namespace cedana::testing {
namespace {

ImageRecord image_of_frames(std::size_t count) {
    ImageRecord record;
    record.name = "pages-1.img";
    record.frames.resize(count);
    return record;
}

// As a worker does that has decoded the next frame.
void decode_next(FrameStream& stream, std::size_t size) {
    auto slot = std::make_unique<FrameSlot>();
    slot->memory = PageMemory(size);
    slot->size = size;
    slot->decoded = true;
    stream.slots.emplace(stream.next++, std::move(slot));
}

TEST(FrameStream, ReadsTheFramesThatHoldAPart) {
    const ImageRecord record = image_of_frames(6);
    const std::vector<ByteRange> parts = {{.from = 10, .to = 20},
                                          {.from = 30, .to = k_frame_size + 1},
                                          {.from = 4 * k_frame_size, .to = 5 * k_frame_size}};
    EXPECT_EQ(FrameStream(record, &parts).frames, (std::vector<std::size_t>{0, 1, 4}));
    EXPECT_EQ(FrameStream(record, nullptr).frames, (std::vector<std::size_t>{0, 1, 2, 3, 4, 5}));
}

TEST(FrameStream, GivesWhatIsDecodedUntilItIsPassed) {
    const ImageRecord record = image_of_frames(1);
    FrameStream stream(record, nullptr);
    EXPECT_TRUE(stream.ready().empty());
    decode_next(stream, 100);
    EXPECT_FALSE(stream.wants_more());
    EXPECT_EQ(stream.ready().size(), 100U);
    EXPECT_FALSE(stream.pass(60));
    EXPECT_EQ(stream.ready().size(), 40U);
    EXPECT_FALSE(stream.at_end());
    EXPECT_TRUE(stream.pass(40));
    EXPECT_TRUE(stream.at_end());
}

TEST(FrameStream, PassesNoMoreThanThereIs) {
    const ImageRecord record = image_of_frames(1);
    FrameStream stream(record, nullptr);
    EXPECT_EQ(outcome_of([&] { stream.pass(1); }).fault, Fault::internal);
    decode_next(stream, 100);
    EXPECT_EQ(outcome_of([&] { stream.pass(101); }).fault, Fault::internal);
}

TEST(FrameStream, KeepsAFrameUntilAllOfItIsReleased) {
    const ImageRecord record = image_of_frames(2);
    FrameStream stream(record, nullptr);
    decode_next(stream, 100);
    decode_next(stream, 50);
    stream.pass(100);
    stream.released = 99;
    EXPECT_FALSE(stream.take_released());
    // The rest of these is of a frame that was not passed.
    stream.released = 160;
    EXPECT_TRUE(stream.take_released());
    EXPECT_FALSE(stream.take_released());
    EXPECT_EQ(stream.released, 60U);
}

} // namespace
} // namespace cedana::testing
