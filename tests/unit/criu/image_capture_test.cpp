// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/event_fd.hpp"
#include "cedana/criu/image_capture.hpp"

#include <array>
#include <cerrno>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "unit/criu/streamer_peer.hpp"
#include "unit/temp_folder.hpp"

namespace cedana::criu {
namespace {

// Keeps what comes; gives no room for the images in `full`.
class MemorySink : public ImageSink {
  public:
    int begin(const std::string& name) override {
        names.push_back(name);
        contents.emplace_back();
        return static_cast<int>(names.size() - 1);
    }
    std::span<std::byte> space(int image) override {
        return full.contains(image) ? std::span<std::byte>() : std::span(buffer_);
    }
    void filled(int image, std::size_t count) override {
        contents[static_cast<std::size_t>(image)].append(reinterpret_cast<const char*>(buffer_.data()), count);
    }
    void refer(int image, std::span<const std::byte> bytes) override {
        contents[static_cast<std::size_t>(image)].append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    void end(int image) override { ended.insert(image); }
    [[nodiscard]] int space_ready() const override { return ready.fd(); }

    std::vector<std::string> names;
    std::vector<std::string> contents;
    std::set<int> ended;
    std::set<int> full;
    EventFd ready;

  private:
    std::array<std::byte, 100> buffer_{};
};

class ImageCaptureTest : public test::InTempFolder {
  protected:
    void run_until_quiet() {
        while (loop_.run_once(std::chrono::milliseconds(20))) {}
    }
    static void put(const UniqueFd& pipe, std::string_view text) {
        ASSERT_EQ(::write(pipe.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    [[nodiscard]] UniqueFd open(const std::string& name) const {
        peer_.request(name);
        return peer_.keep_write_end();
    }

    EventLoop loop_;
    MemorySink sink_;
    ImageCapture capture_{loop_, path("."), sink_};
    test::StreamerPeer peer_{path("streamer-capture.sock")};
};

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
