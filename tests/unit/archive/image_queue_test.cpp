// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/image_queue.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/archive/support.hpp"

namespace cedana::testing {
namespace {

using Images = std::vector<CapturedImage*>;

class QueuedImages : public ::testing::Test {
  protected:
    CapturedImage& add(const std::string& name) { return queue.add(name, nullptr); }
    // Bytes of a new frame.
    void add_frame(CapturedImage& image, std::size_t size = k_frame_size) {
        auto frame = std::make_unique<CapturedFrame>();
        frame->own.resize(size);
        image.frames.push_back(std::move(frame));
        queue.add_bytes(image, size);
    }
    CapturedImage& add_ended(const std::string& name, std::size_t size) {
        CapturedImage& image = add(name);
        add_frame(image, size);
        queue.end(image);
        return image;
    }
    // Compresses nothing, but goes the way of a frame that was.
    void pass_frame(CapturedImage& image) {
        queue.take_frame(image).state = FrameState::encoded;
        static_cast<void>(queue.take_encoded(image));
    }

    ImageQueue queue{Method::zstd, {"pages-"}};
};

TEST_F(QueuedImages, AreNotWrittenWithoutNeed) {
    add_ended("pages-1.img", k_frame_size);
    EXPECT_TRUE(queue.choose({}).empty());
}

TEST_F(QueuedImages, AreAllWrittenAtFullSpeedOnceTheyHaveEnded) {
    CapturedImage& small = add_ended("core-1.img", 100);
    CapturedImage& large = add_ended("pages-1.img", k_frame_size);
    add_frame(add("pages-2.img"));
    EXPECT_EQ(queue.choose({.full_speed = true}), (Images{&small, &large}));
}

TEST_F(QueuedImages, AreWrittenBeforeTheirEndAtFullSpeedWhereNoneHasEnded) {
    CapturedImage& open = add("pages-1.img");
    add_frame(open);
    EXPECT_EQ(queue.choose({.full_speed = true}), (Images{&open}));
}

TEST_F(QueuedImages, AreWrittenBeforeTheirEndWhenMemoryIsShort) {
    add_frame(add("pages-1.img"));
    CapturedImage& largest = add("pages-2.img");
    add_frame(largest);
    add_frame(largest);
    // Its end may come last of all.
    CapturedImage& other = add("files.img");
    for (int i = 0; i < 3; ++i)
        add_frame(other);
    EXPECT_EQ(queue.choose({.memory_is_short = true}), (Images{&largest}));
}

TEST_F(QueuedImages, ThatHaveEndedAreEnoughWhenTheyFreeFrames) {
    add_frame(add("pages-1.img"));
    CapturedImage& ended = add_ended("pages-2.img", k_frame_size);
    EXPECT_EQ(queue.choose({.memory_is_short = true}), (Images{&ended}));
}

TEST_F(QueuedImages, ThatAreSmallAreNoReasonForABatch) {
    add_ended("core-1.img", 100);
    EXPECT_TRUE(queue.choose({.memory_is_short = true}).empty());
}

TEST_F(QueuedImages, ThatAreSmallAreWrittenWhenTheyAreMany) {
    constexpr std::size_t k_many = 200;
    for (std::size_t i = 0; i < k_many; ++i)
        add_ended("core-" + std::to_string(i) + ".img", k_small_image);
    EXPECT_EQ(queue.choose({}).size(), k_many);
}

TEST_F(QueuedImages, AreCompressedInTheOrderOfTheBatch) {
    CapturedImage& first = add_ended("pages-1.img", k_frame_size);
    CapturedImage& second = add_ended("pages-2.img", k_frame_size);
    EXPECT_EQ(queue.next_to_encode(), nullptr);
    queue.begin_batch({&first, &second});
    EXPECT_EQ(queue.next_to_encode(), &first);
    pass_frame(first);
    EXPECT_EQ(queue.next_to_encode(), &second);
    pass_frame(second);
    EXPECT_EQ(queue.next_to_encode(), nullptr);
}

TEST_F(QueuedImages, WaitForTheNextFrameOfAnImageThatHasNotEnded) {
    CapturedImage& image = add("pages-1.img");
    add_frame(image);
    queue.begin_batch({&image});
    EXPECT_EQ(queue.next_to_encode(), nullptr);
    add_frame(image);
    EXPECT_EQ(queue.next_to_encode(), &image);
}

TEST_F(QueuedImages, AreNotCompressedFarAheadOfTheWriter) {
    CapturedImage& image = add("pages-1.img");
    for (int i = 0; i < 20; ++i)
        add_frame(image);
    queue.begin_batch({&image});
    std::size_t ahead = 0;
    for (; queue.next_to_encode() != nullptr; ++ahead)
        queue.take_frame(image).state = FrameState::encoded;
    EXPECT_EQ(ahead, 16U);
    EXPECT_TRUE(queue.has_backlog());
    static_cast<void>(queue.take_encoded(image));
    EXPECT_EQ(queue.next_to_encode(), &image);
}

TEST_F(QueuedImages, KeepSmallImagesDeflated) {
    CapturedImage& small = add_ended("core-1.img", 100);
    CapturedImage& large = add_ended("pages-1.img", k_frame_size);
    queue.begin_batch({&small, &large});
    EXPECT_EQ(small.record.method, Method::deflate);
    EXPECT_EQ(large.record.method, Method::zstd);
}

TEST_F(QueuedImages, LeaveTheirRecordsBehindWhenTheyAreWritten) {
    CapturedImage& image = add_ended("pages-1.img", k_frame_size);
    queue.begin_batch({&image});
    pass_frame(image);
    EXPECT_EQ(queue.bytes_added(), k_frame_size);
    EXPECT_EQ(queue.bytes_written(), k_frame_size);
    const std::vector<ImageRecord> written = queue.end_batch({&image});
    ASSERT_EQ(written.size(), 1U);
    EXPECT_EQ(written[0].name, "pages-1.img");
    EXPECT_EQ(written[0].frames.size(), 1U);
}

TEST_F(QueuedImages, AreDoneOnceNoneIsLeftAndNoneComes) {
    CapturedImage& image = add_ended("core-1.img", 100);
    queue.close();
    EXPECT_FALSE(queue.is_done());
    static_cast<void>(queue.end_batch({&image}));
    EXPECT_TRUE(queue.is_done());
}

TEST_F(QueuedImages, CannotBeClosedWhileOneIsOpen) {
    add("files.img");
    EXPECT_EQ(outcome_of([&] { queue.close(); }).fault, Fault::internal);
}

} // namespace
} // namespace cedana::testing
