// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/streamer_socket.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "unit/criu/streamer_peer.hpp"
#include "unit/temp_folder.hpp"

namespace cedana::criu {
namespace {

using namespace std::string_literals;

class StreamerSocketTest : public test::InTempFolder {
  protected:
    StreamerSocket& listen(Direction direction) {
        socket_.emplace(
            loop_, path("."), direction,
            StreamerSocket::Handlers{.exists = [](const std::string& name) { return name == "there.img"; },
                                     .pipe = [this](const std::string& name, UniqueFd) { names_.push_back(name); }});
        return *socket_;
    }
    [[nodiscard]] test::StreamerPeer connect(const std::string& name) const { return test::StreamerPeer(path(name)); }
    void run_until_quiet() {
        while (loop_.run_once(std::chrono::milliseconds(20))) {}
    }

    EventLoop loop_;
    std::optional<StreamerSocket> socket_;
    std::vector<std::string> names_;
};

TEST_F(StreamerSocketTest, HandsOnEachImagesNameAndPipe) {
    listen(Direction::capture);
    const auto peer = connect("streamer-capture.sock");
    peer.request("a.img");
    const UniqueFd first = peer.keep_write_end();
    peer.request("b.img");
    const UniqueFd second = peer.keep_write_end();
    run_until_quiet();
    EXPECT_EQ(names_, (std::vector<std::string>{"a.img", "b.img"}));
}

TEST_F(StreamerSocketTest, PutsAMessageTogetherThatComesInPieces) {
    listen(Direction::capture);
    const auto peer = connect("streamer-capture.sock");
    for (const char byte : test::StreamerPeer::framed("\x0a\x05"s + "a.img")) {
        peer.send_bytes(std::string(1, byte));
        run_until_quiet();
    }
    const UniqueFd end = peer.keep_write_end();
    run_until_quiet();
    EXPECT_EQ(names_, std::vector<std::string>{"a.img"});
}

// A CRIU that is killed before it reads an answer resets the connection (unix(7)).
TEST_F(StreamerSocketTest, TakesAPeerThatLeftAnAnswerUnreadForOneThatIsGone) {
    listen(Direction::serve);
    auto peer = connect("streamer-serve.sock");
    peer.request("missing.img");
    run_until_quiet();
    peer.disconnect();
    EXPECT_NO_THROW(run_until_quiet());
}

TEST_F(StreamerSocketTest, HasARequestPendingUntilItsPipeCame) {
    StreamerSocket& socket = listen(Direction::capture);
    const auto peer = connect("streamer-capture.sock");
    peer.request("a.img");
    run_until_quiet();
    EXPECT_TRUE(socket.request_pending());
    const UniqueFd end = peer.keep_write_end();
    run_until_quiet();
    EXPECT_FALSE(socket.request_pending());
}

TEST_F(StreamerSocketTest, SeesARequestThatWasNotReadYet) {
    StreamerSocket& socket = listen(Direction::capture);
    const auto peer = connect("streamer-capture.sock");
    run_until_quiet();
    peer.request("a.img");
    EXPECT_TRUE(socket.request_pending());
}

TEST_F(StreamerSocketTest, AnswersThatAnImageExists) {
    listen(Direction::serve);
    const auto peer = connect("streamer-serve.sock");
    peer.request("there.img");
    run_until_quiet();
    EXPECT_EQ(peer.reply(), test::StreamerPeer::framed("\x08\x01"s));
}

TEST_F(StreamerSocketTest, AnswersThatAnImageIsMissingAndExpectsNoPipe) {
    StreamerSocket& socket = listen(Direction::serve);
    const auto peer = connect("streamer-serve.sock");
    peer.request("missing.img");
    run_until_quiet();
    EXPECT_EQ(peer.reply(), test::StreamerPeer::framed("\x08\x00"s));
    EXPECT_FALSE(socket.request_pending());
}

TEST_F(StreamerSocketTest, RefusesAnAbsurdLength) {
    listen(Direction::capture);
    const auto peer = connect("streamer-capture.sock");
    peer.send_bytes("\xff\xff\xff\xff");
    EXPECT_THROW(run_until_quiet(), Error);
}

TEST_F(StreamerSocketTest, RefusesASecondConnection) {
    listen(Direction::capture);
    const auto first = connect("streamer-capture.sock");
    run_until_quiet();
    EXPECT_FALSE(connect("streamer-capture.sock").connected());
}

class MalformedRequest : public ::testing::TestWithParam<std::string> {};
TEST_P(MalformedRequest, IsRefused) { EXPECT_THROW(static_cast<void>(parse_request(GetParam())), Error); }
INSTANTIATE_TEST_SUITE_P(Requests, MalformedRequest,
                         ::testing::Values(""s, "\x0a"s,
                                           "\x0a\x05"
                                           "ab"s,
                                           "\x0a\x00"s, "\x0a\x04../x"s,
                                           "\x0a\x02"
                                           "a\x00"s,
                                           "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"s, "\x0f"s));

TEST(Request, MayHoldUnknownFields) {
    EXPECT_EQ(parse_request("\x10\x07\x0a\x05"
                            "a.img"s),
              "a.img");
}

} // namespace
} // namespace cedana::criu
