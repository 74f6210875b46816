// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/open_streams.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace cedana::testing {
namespace {

class StreamsThatAreOpen : public ::testing::Test {
  protected:
    StreamsThatAreOpen() { record.frames.resize(2); }
    int open() { return streams.add(std::make_shared<FrameStream>(record, nullptr)); }
    // As a worker does that has taken the next frame on.
    static void take_frame(FrameStream& stream) { ++stream.next; }

    ImageRecord record;
    OpenStreams streams;
};

TEST_F(StreamsThatAreOpen, HaveNumbersOfTheirOwn) {
    const int first = open();
    const int second = open();
    EXPECT_NE(first, second);
    EXPECT_NE(&streams.at(first), &streams.at(second));
}

TEST_F(StreamsThatAreOpen, AreFoundWhenTheyHoldNoFrame) {
    const int first = open();
    const int second = open();
    take_frame(streams.at(first));
    EXPECT_EQ(streams.find_without_frame().get(), &streams.at(second));
    take_frame(streams.at(second));
    EXPECT_EQ(streams.find_without_frame(), nullptr);
}

TEST_F(StreamsThatAreOpen, TakeTurns) {
    const int first = open();
    const int second = open();
    for (const int expected : {first, second, first, second}) {
        EXPECT_TRUE(streams.has_next());
        const SharedStream stream = streams.next();
        ASSERT_EQ(stream.get(), &streams.at(expected));
        take_frame(*stream);
    }
    EXPECT_FALSE(streams.has_next());
    EXPECT_EQ(streams.next(), nullptr);
}

TEST_F(StreamsThatAreOpen, AreClosedWhenTheyAreRemoved) {
    const SharedStream stream = streams.remove(open());
    EXPECT_TRUE(stream->closed);
    EXPECT_EQ(streams.next(), nullptr);
}

} // namespace
} // namespace cedana::testing
