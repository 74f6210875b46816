// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/migration/connection.hpp"

#include <chrono>
#include <csignal>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include <unistd.h>

namespace cedana::migration {
namespace {

using namespace std::chrono_literals;

class MigrationConnection : public ::testing::Test {
  protected:
    // What the work is refused with.
    static std::string lost(const std::function<void()>& work) {
        try {
            work();
        } catch (const Error& error) {
            EXPECT_EQ(error.fault(), Fault::connection);
            return error.message();
        }
        return "";
    }
    void say(std::string_view bytes) const {
        ASSERT_EQ(::write(raw_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    }

    Pipe up_ = make_pipe();
    Pipe down_ = make_pipe();
    UniqueFd raw_{::dup(up_.write_end.get())};
    Connection source_{Side::source, std::move(down_.read_end), std::move(up_.write_end), "the host beta"};
    Connection target_{Side::target, std::move(up_.read_end), std::move(down_.write_end), "the source"};
    const Interrupt none_ = Interrupt::none();
};

TEST_F(MigrationConnection, BringsWhatWasSent) {
    source_.send(FrameType::hello, "abc", std::as_bytes(std::span("d", 1)));
    const Frame frame = target_.receive(1s, none_);
    EXPECT_EQ(frame.type, FrameType::hello);
    EXPECT_EQ(frame.payload, "abcd");
    EXPECT_EQ(target_.stage(), Stage::greeting);
}

TEST_F(MigrationConnection, TellsThatTheOtherEndHasEnded) {
    source_.close();
    raw_.reset();
    EXPECT_EQ(lost([&] { static_cast<void>(target_.receive(1s, none_)); }),
              "the connection with the source is lost: it has ended");
}

TEST_F(MigrationConnection, TellsThatAFrameWasCut) {
    say(std::string_view("cm\1\0\0\0\0\5abc", 11));
    source_.close();
    raw_.reset();
    EXPECT_NE(lost([&] { static_cast<void>(target_.receive(1s, none_)); }), "");
}

TEST_F(MigrationConnection, WaitsNoLongerThanItWasTold) {
    EXPECT_EQ(lost([&] { static_cast<void>(target_.receive(1ms, none_)); }),
              "the connection with the source is lost: it has said nothing for too long");
}

TEST_F(MigrationConnection, RefusesWhatHasNoPlace) {
    say(std::string_view("cm\x9\0\0\0\0\0", 8));
    EXPECT_EQ(lost([&] { static_cast<void>(target_.receive(1s, none_)); }),
              "the other end does not speak as cedana does: 'go' came where it has no place");
}

TEST_F(MigrationConnection, TellsTheLineThatCameInPlaceOfAFrame) {
    say("\nThis account is currently not available.\nBye\n");
    EXPECT_EQ(lost([&] { static_cast<void>(target_.receive(1s, none_)); }),
              "the other end does not speak as cedana does: it said 'This account is currently not available.'");
}

// The other end takes none of it. A part of it went: whatever follows would be taken for the rest.
TEST_F(MigrationConnection, EndsByASignalWhatIsNotTaken) {
    const Interrupt interrupt = Interrupt::install();
    source_.send(FrameType::hello);
    static_cast<void>(target_.receive(1s, none_));
    target_.send(FrameType::greeting);
    static_cast<void>(source_.receive(1s, none_));
    std::raise(SIGTERM);
    const auto expect_interrupted = [](const std::function<void()>& work) {
        try {
            work();
            ADD_FAILURE() << "it was sent";
        } catch (const Error& error) {
            EXPECT_EQ(error.fault(), Fault::interrupted) << error.message();
        }
    };
    expect_interrupted([&] { source_.send(FrameType::offer, std::string(1'000'000, 'x'), {}, interrupt); });
    const std::uint64_t sent = source_.bytes_sent();
    EXPECT_GT(sent, 0U);
    expect_interrupted([&] { source_.send(FrameType::bye); });
    EXPECT_EQ(source_.bytes_sent(), sent);
}

TEST_F(MigrationConnection, SendsNothingOutOfOrder) {
    EXPECT_NE(lost([&] { source_.send(FrameType::go); }), "");
    EXPECT_EQ(source_.bytes_sent(), 0U);
}

} // namespace
} // namespace cedana::migration
