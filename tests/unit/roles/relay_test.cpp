// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/roles/relay.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <pty.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

namespace cedana::roles {
namespace {

std::string read_now(int fd) {
    std::array<char, 4096> buffer{};
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    return {buffer.data(), count < 0 ? 0 : static_cast<std::size_t>(count)};
}

TEST(Relay, CopiesAndClosesItsTargetAtTheEndOfTheSource) {
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    Relay relay(std::move(in.read_end), std::move(out.write_end), LineEnds::as_they_are);
    write_all(in.write_end.get(), "some\r\nlines\n", "a pipe");
    in.write_end.reset();
    relay.read_some();
    EXPECT_FALSE(relay.wants_input());
    EXPECT_TRUE(relay.has_output());
    relay.write_some();
    EXPECT_TRUE(relay.wants_input());
    relay.read_some();
    EXPECT_TRUE(relay.done());
    EXPECT_EQ(read_now(out.read_end.get()), "some\r\nlines\n");
    EXPECT_EQ(read_now(out.read_end.get()), "");
}

TEST(Relay, WritesTheRestLaterWhenItsTargetIsFull) {
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    const std::string text(60'000, 'x');
    ::fcntl(out.write_end.get(), F_SETPIPE_SZ, 4096);
    ::fcntl(out.write_end.get(), F_SETFL, O_NONBLOCK);
    Relay relay(std::move(in.read_end), std::move(out.write_end), LineEnds::as_they_are);
    write_all(in.write_end.get(), text, "a pipe");
    in.write_end.reset();
    std::string copied;
    for (relay.read_some(); !relay.done(); relay.has_output() ? void() : relay.read_some()) {
        if (relay.has_output())
            relay.write_some();
        if (!relay.done())
            copied += read_now(out.read_end.get());
    }
    EXPECT_EQ(copied, text);
}

TEST(Relay, LetsTheWriterFindItsPipeBrokenWhenTheReaderHasGone) {
    std::signal(SIGPIPE, SIG_IGN);
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    Relay relay(std::move(in.read_end), std::move(out.write_end), LineEnds::as_they_are);
    out.read_end.reset();
    write_all(in.write_end.get(), "text", "a pipe");
    relay.read_some();
    relay.write_some();
    EXPECT_TRUE(relay.done());
    EXPECT_EQ(::write(in.write_end.get(), "x", 1), -1);
    EXPECT_EQ(errno, EPIPE);
}

// As a program writes on when the terminal that shows its output has been closed.
TEST(Relay, DropsWhatIsWrittenAfterTheReaderHasGoneIfItIsToldTo) {
    std::signal(SIGPIPE, SIG_IGN);
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    Relay relay(std::move(in.read_end), std::move(out.write_end), LineEnds::as_they_are, TargetEnd::drops);
    out.read_end.reset();
    for (int i = 0; i < 3; ++i) {
        write_all(in.write_end.get(), "text", "a pipe");
        relay.read_some();
        relay.write_some();
        EXPECT_FALSE(relay.has_output());
    }
    EXPECT_FALSE(relay.done());
    EXPECT_TRUE(relay.wants_input());
}

// A limit on the size of files stands for a full disk: here it can be raised again.
class LimitedFileSize {
  public:
    explicit LimitedFileSize(rlim_t bytes) {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limited{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limited);
    }
    LimitedFileSize(const LimitedFileSize&) = delete;
    LimitedFileSize& operator=(const LimitedFileSize&) = delete;
    ~LimitedFileSize() { ::setrlimit(RLIMIT_FSIZE, &before_); }

  private:
    rlimit before_{};
};

TEST(Relay, DropsWhatAFullDiskDoesNotTakeAndSaysSoLater) {
    const TempDir folder(std::filesystem::temp_directory_path(), "relay-test");
    const auto file = folder.path() / "output";
    Pipe in = make_pipe();
    Relay relay(std::move(in.read_end), open_file(file, O_WRONLY | O_CREAT | O_APPEND, 0600), LineEnds::as_they_are);
    const auto pass = [&](const std::string& text) {
        write_all(in.write_end.get(), text, "a pipe");
        relay.read_some();
        relay.write_some();
    };
    pass("first\n");
    {
        const LimitedFileSize limit(6);
        pass("second\n");
        EXPECT_TRUE(relay.wants_input());
        pass("third\n");
    }
    pass("fourth\n");
    EXPECT_EQ(read_file(file), "first\n\n[cedana: 13 bytes of output are missing here: File too large]\nfourth\n");
}

class TerminalRelay : public ::testing::Test {
  protected:
    void SetUp() override {
        int master = -1;
        int slave = -1;
        ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
        slave_ = UniqueFd(slave);
        ::fcntl(master, F_SETFL, O_NONBLOCK);
        relay_.emplace(UniqueFd(master), std::move(out_.write_end), LineEnds::of_terminal);
    }
    std::string passed(const std::string& text) {
        write_all(slave_.get(), text, "a terminal");
        relay_->read_some();
        if (!relay_->has_output())
            return {};
        relay_->write_some();
        return read_now(out_.read_end.get());
    }

    UniqueFd slave_;
    Pipe out_ = make_pipe();
    std::optional<Relay> relay_;
};

TEST_F(TerminalRelay, GivesTheLineEndsThatWereWritten) { EXPECT_EQ(passed("one\ntwo\r\n"), "one\ntwo\r\n"); }

TEST_F(TerminalRelay, LeavesRawOutputAsItIs) {
    termios settings{};
    ::tcgetattr(slave_.get(), &settings);
    ::cfmakeraw(&settings);
    ::tcsetattr(slave_.get(), TCSANOW, &settings);
    EXPECT_EQ(passed("one\r\ntwo\n"), "one\r\ntwo\n");
}

TEST_F(TerminalRelay, KeepsAReturnUntilItsFollowerComes) {
    EXPECT_EQ(passed("50 %\r"), "50 %");
    EXPECT_EQ(passed("60 %"), "\r60 %");
}

TEST_F(TerminalRelay, EndsWhenNobodyHasTheTerminalOpen) {
    slave_.reset();
    relay_->read_some();
    EXPECT_TRUE(relay_->done());
}

} // namespace
} // namespace cedana::roles
