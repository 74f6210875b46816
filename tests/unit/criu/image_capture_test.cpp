// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/image_capture.hpp"

#include <cerrno>
#include <vector>

#include <gtest/gtest.h>

#include "unit/criu/capture_fixture.hpp"

namespace cedana::criu {
namespace {

using testing::ImageCaptureTest;

TEST_F(ImageCaptureTest, ReadsManyImagesAtOnce) {
    UniqueFd a = open("a.img");
    UniqueFd b = open("b.img");
    put(b, std::string(250, 'b'));
    put(a, std::string(150, 'a'));
    a.reset();
    b.reset();
    run_until_quiet();
    EXPECT_EQ(sink_.contents, (std::vector<std::string>{std::string(150, 'a'), std::string(250, 'b')}));
    EXPECT_EQ(sink_.ended.size(), 2U);
}

TEST_F(ImageCaptureTest, IsNotDrainedWhileAPipeIsOpen) {
    UniqueFd a = open("a.img");
    put(a, "data");
    run_until_quiet();
    EXPECT_FALSE(capture_.drained());
    a.reset();
    run_until_quiet();
    EXPECT_TRUE(capture_.drained());
}

TEST_F(ImageCaptureTest, IsNotDrainedWhileARequestIsUnread) {
    run_until_quiet();
    peer_.request("late.img");
    EXPECT_FALSE(capture_.drained());
}

TEST_F(ImageCaptureTest, AnImageWithoutRoomWaitsAlone) {
    sink_.full = {0};
    UniqueFd waiting = open("a.img");
    UniqueFd other = open("b.img");
    put(waiting, "stuck");
    put(other, "through");
    run_until_quiet();
    EXPECT_EQ(sink_.contents, (std::vector<std::string>{"", "through"}));
}

TEST_F(ImageCaptureTest, GoesOnWhenTheSinkHasRoomAgain) {
    sink_.full = {0};
    UniqueFd waiting = open("a.img");
    put(waiting, "stuck");
    run_until_quiet();
    sink_.full.clear();
    sink_.ready.set();
    run_until_quiet();
    EXPECT_EQ(sink_.contents, std::vector<std::string>{"stuck"});
}

TEST_F(ImageCaptureTest, CancellingBreaksThePipes) {
    const UniqueFd pipe = open("a.img");
    run_until_quiet();
    capture_.cancel();
    EXPECT_EQ(::write(pipe.get(), "x", 1), -1);
    EXPECT_EQ(errno, EPIPE);
}

} // namespace
} // namespace cedana::criu
