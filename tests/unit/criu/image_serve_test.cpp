// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/event_fd.hpp"
#include "cedana/criu/image_serve.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>

#include "unit/criu/streamer_peer.hpp"
#include "unit/temp_folder.hpp"

namespace cedana::criu {
namespace {

constexpr std::size_t k_large = 5UL * 1024 * 1024;

std::string content_of(const std::string& name) {
    if (name != "large.img")
        return name + name;
    std::string content(k_large, '\0');
    for (std::size_t i = 0; i < content.size(); ++i)
        content[i] = static_cast<char>(i / 4096 + i);
    return content;
}

// Every image is its name, twice, but for a large one; an image whose name begins with "slow" is not ready before
// `unlocked`.
class MemorySource : public ImageSource {
  public:
    [[nodiscard]] bool exists(const std::string& name) override { return name != "missing.img"; }
    int open(const std::string& name) override {
        streams.push_back({.content = content_of(name), .slow = name.starts_with("slow")});
        return static_cast<int>(streams.size() - 1);
    }
    [[nodiscard]] std::span<const std::byte> ready(int stream) override {
        const Stream& one = streams[static_cast<std::size_t>(stream)];
        if (one.slow && !unlocked)
            return {};
        return std::as_bytes(std::span(one.content).subspan(one.sent));
    }
    void passed(int stream, std::size_t count) override { streams[static_cast<std::size_t>(stream)].sent += count; }
    void released(int stream, std::size_t count) override {
        streams[static_cast<std::size_t>(stream)].released += count;
    }
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
        std::size_t released = 0;
    };
    std::vector<Stream> streams;
    bool unlocked = false;
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
    // As CRIU reads: blocking, and what is there.
    [[nodiscard]] std::string read_to_end(const UniqueFd& pipe) {
        std::string content;
        std::vector<char> buffer(256UL * 1024);
        while (true) {
            run_until_quiet();
            const ssize_t count = ::read(pipe.get(), buffer.data(), buffer.size());
            if (count <= 0)
                return content;
            content.append(buffer.data(), static_cast<std::size_t>(count));
        }
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
    source_.unlocked = true;
    source_.event.set();
    run_until_quiet();
    EXPECT_EQ(read_some(slow), "slow.imgslow.img");
}

TEST_F(ImageServerTest, DoesNotMindAReaderThatStopsEarly) {
    source_.unlocked = false;
    UniqueFd slow = open("slow.img");
    slow.reset();
    source_.unlocked = true;
    source_.event.set();
    run_until_quiet();
    EXPECT_EQ(source_.closed, 1);
}

TEST_F(ImageServerTest, SendsALargeImageAsItIs) {
    const UniqueFd pipe = open("large.img");
    EXPECT_TRUE(read_to_end(pipe) == content_of("large.img"));
    EXPECT_EQ(server_.bytes(), k_large);
}

TEST_F(ImageServerTest, ReleasesNothingThatThePipeMayReferTo) {
    const UniqueFd pipe = open("large.img");
    const auto capacity = static_cast<std::size_t>(::fcntl(pipe.get(), F_GETPIPE_SZ));
    const std::size_t first = source_.streams[0].sent;
    EXPECT_LE(first, capacity);
    EXPECT_EQ(source_.streams[0].released, 0U);
    std::vector<char> buffer(capacity);
    ASSERT_EQ(::read(pipe.get(), buffer.data(), buffer.size()), static_cast<ssize_t>(first));
    run_until_quiet();
    EXPECT_GT(source_.streams[0].released, 0U);
    EXPECT_LE(source_.streams[0].released, first);
}

TEST_F(ImageServerTest, AFullPipeHoldsNoOtherUp) {
    const UniqueFd large = open("large.img");
    const UniqueFd quick = open("b.img");
    EXPECT_EQ(read_some(quick), "b.imgb.img");
    EXPECT_TRUE(server_.waits_for_criu());
}

TEST_F(ImageServerTest, KnowsWhenBytesWaitForCriu) {
    EXPECT_FALSE(server_.waits_for_criu());
    const UniqueFd slow = open("slow.img");
    EXPECT_FALSE(server_.waits_for_criu());
    source_.unlocked = true;
    EXPECT_TRUE(server_.waits_for_criu());
}

} // namespace
} // namespace cedana::criu
