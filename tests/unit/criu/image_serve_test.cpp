// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/event_fd.hpp"
#include "cedana/criu/image_serve.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "unit/criu/streamer_peer.hpp"
#include "unit/temp_folder.hpp"

namespace cedana::criu {
namespace {

// Every image is its name, twice; an image whose name begins with "slow" is not ready before `released`.
class MemorySource : public ImageSource {
  public:
    [[nodiscard]] bool exists(const std::string& name) override { return name != "missing.img"; }
    int open(const std::string& name) override {
        streams.push_back({.content = name + name, .slow = name.starts_with("slow")});
        return static_cast<int>(streams.size() - 1);
    }
    [[nodiscard]] std::span<const std::byte> ready(int stream) override {
        const Stream& one = streams[static_cast<std::size_t>(stream)];
        if (one.slow && !released)
            return {};
        return std::as_bytes(std::span(one.content).subspan(one.sent));
    }
    void sent(int stream, std::size_t count) override { streams[static_cast<std::size_t>(stream)].sent += count; }
    [[nodiscard]] bool at_end(int stream) override {
        const Stream& one = streams[static_cast<std::size_t>(stream)];
        return one.sent == one.content.size();
    }
    void close(int) override { ++closed; }
    [[nodiscard]] int data_ready() const override { return event.fd(); }

    struct Stream {
        std::string content;
        bool slow = false;
        std::size_t sent = 0;
    };
    std::vector<Stream> streams;
    bool released = false;
    int closed = 0;
    EventFd event;
};

class ImageServerTest : public test::InTempFolder {
  protected:
    void run_until_quiet() {
        while (loop_.run_once(std::chrono::milliseconds(20))) {}
    }
    [[nodiscard]] UniqueFd open(const std::string& name) {
        peer_.request(name);
        run_until_quiet();
        static_cast<void>(peer_.reply());
        UniqueFd pipe = peer_.keep_read_end();
        run_until_quiet();
        return pipe;
    }
    [[nodiscard]] static std::string read_some(const UniqueFd& pipe) {
        std::array<char, 100> buffer{};
        const ssize_t count = ::read(pipe.get(), buffer.data(), buffer.size());
        return {buffer.data(), static_cast<std::size_t>(count > 0 ? count : 0)};
    }

    EventLoop loop_;
    MemorySource source_;
    ImageServer server_{loop_, path("."), source_};
    test::StreamerPeer peer_{path("streamer-serve.sock")};
};

TEST_F(ImageServerTest, SendsAnImageToItsEnd) {
    const UniqueFd pipe = open("a.img");
    EXPECT_EQ(read_some(pipe), "a.imga.img");
    EXPECT_EQ(read_some(pipe), "");
    EXPECT_EQ(source_.closed, 1);
}

TEST_F(ImageServerTest, AnImageThatIsNotReadyHoldsNoOtherUp) {
    const UniqueFd slow = open("slow.img");
    const UniqueFd quick = open("b.img");
    EXPECT_EQ(read_some(quick), "b.imgb.img");
}

TEST_F(ImageServerTest, SendsWhatBecomesReadyLater) {
    const UniqueFd slow = open("slow.img");
    source_.released = true;
    source_.event.set();
    run_until_quiet();
    EXPECT_EQ(read_some(slow), "slow.imgslow.img");
}

TEST_F(ImageServerTest, DoesNotMindAReaderThatStopsEarly) {
    source_.released = false;
    UniqueFd slow = open("slow.img");
    slow.reset();
    source_.released = true;
    source_.event.set();
    run_until_quiet();
    EXPECT_EQ(source_.closed, 1);
}

TEST_F(ImageServerTest, KnowsWhenBytesWaitForCriu) {
    EXPECT_FALSE(server_.waits_for_criu());
    const UniqueFd slow = open("slow.img");
    EXPECT_FALSE(server_.waits_for_criu());
    source_.released = true;
    EXPECT_TRUE(server_.waits_for_criu());
}

} // namespace
} // namespace cedana::criu
