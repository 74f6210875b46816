// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/unique_fd.hpp"
#include "cedana/base/units.hpp"
#include "cedana/cli/progress_json.hpp"
#include "cedana/cli/progress_line.hpp"
#include "cedana/cli/terminal.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

namespace cedana {
namespace {

using namespace std::chrono_literals;

ProgressState half_way() {
    return {.phase = "dumping", .done = 512 * k_mib, .total = 1024 * k_mib, .elapsed = 2s, .frozen = true};
}

TEST(ProgressText, HasBarBytesRateAndWhatIsLeft) {
    EXPECT_EQ(progress_line(half_way(), 200),
              "dumping       FROZEN  ██████████            50%  512 MiB of 1.0 GiB  256 MiB/s  2.0 s left");
    EXPECT_EQ(plain_progress(half_way()), "dumping: 512 MiB of 1.0 GiB (50%), 256 MiB/s, 2.0 s left, frozen");
}

TEST(ProgressText, SaysOnlyWhatIsKnown) {
    const ProgressState begun{.phase = "moving"};
    EXPECT_EQ(plain_progress(begun), "moving");
    const ProgressState open{.phase = "moving", .done = 3 * k_mib, .elapsed = 1s};
    EXPECT_EQ(plain_progress(open), "moving: 3.0 MiB, 3.0 MiB/s");
}

TEST(ProgressText, GuessesNothingFromTheFirstBytes) {
    const ProgressState first{.phase = "dumping", .done = 44, .total = 117 * k_mib, .elapsed = 3s};
    EXPECT_EQ(plain_progress(first), "dumping: 44 B of 117 MiB (0%), 14 B/s");
}

TEST(ProgressText, NeverExceedsTheWidth) {
    for (std::size_t width = 1; width < 120; ++width)
        EXPECT_LE(display_width(progress_line(half_way(), width)), width);
}

TEST(ProgressText, ShowsNoMoreThanAllWhenTheGuessOfTheTotalWasLow) {
    const ProgressState state{.phase = "dumping", .done = 3, .total = 2, .elapsed = 1s};
    EXPECT_EQ(plain_progress(state), "dumping: 3 B of 2 B (100%), 3 B/s");
}

// What was written so far to the other side of a pipe or a terminal.
std::string read_now(int fd) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    std::array<char, 4096> buffer;
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
}

class ShownProgress : public ::testing::Test {
  protected:
    [[nodiscard]] std::function<ProgressLine::Clock::time_point()> clock() {
        return [this] { return now; };
    }
    ProgressLine::Clock::time_point now{};
};

TEST_F(ShownProgress, InAPipeIsALineEveryFewSeconds) {
    const Pipe pipe = make_pipe();
    ProgressLine line(pipe.write_end.get(), Verbosity::normal, clock());
    line.phase("moving");
    EXPECT_EQ(read_now(pipe.read_end.get()), "");
    now += 5s;
    line.bytes(5 * k_mib, 10 * k_mib);
    line.bytes(6 * k_mib, 10 * k_mib);
    EXPECT_EQ(read_now(pipe.read_end.get()), "moving: 5.0 MiB of 10 MiB (50%), 1.0 MiB/s, 5.0 s left\n");
    now += 5s;
    line.bytes(9 * k_mib, 10 * k_mib);
    EXPECT_NE(read_now(pipe.read_end.get()), "");
}

TEST_F(ShownProgress, IsSilentWhenQuiet) {
    const Pipe pipe = make_pipe();
    ProgressLine line(pipe.write_end.get(), Verbosity::quiet, clock());
    line.phase("moving");
    now += 1h;
    line.bytes(1, 2);
    EXPECT_EQ(read_now(pipe.read_end.get()), "");
}

TEST_F(ShownProgress, OnATerminalIsOneLineThatGoesAway) {
    struct ::winsize size {};
    size.ws_col = 80;
    int master = -1;
    int slave = -1;
    ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
    const UniqueFd reader(master);
    const UniqueFd terminal(slave);
    {
        ProgressLine line(terminal.get(), Verbosity::normal, clock());
        line.phase("dumping");
        EXPECT_EQ(read_now(reader.get()), "");
        now += 300ms;
        line.bytes(1 * k_mib, 2 * k_mib);
        const std::string drawn = read_now(reader.get());
        EXPECT_TRUE(drawn.starts_with("\r\x1b[Kdumping"));
        EXPECT_EQ(drawn.find('\n'), std::string::npos);
        line.bytes(2 * k_mib, 2 * k_mib);
        EXPECT_EQ(read_now(reader.get()), "");
    }
    EXPECT_EQ(read_now(reader.get()), "\r\x1b[K");
}

TEST_F(ShownProgress, ForProgramsIsALineForWhatHappens) {
    const Pipe pipe = make_pipe();
    ProgressJson lines(pipe.write_end.get(), clock());
    lines.frozen(false);
    EXPECT_EQ(read_now(pipe.read_end.get()), "");
    lines.phase("dumping");
    EXPECT_EQ(read_now(pipe.read_end.get()),
              "{\"phase\":\"dumping\",\"bytes\":0,\"total\":null,\"seconds\":0.0,\"frozen\":false}\n");
    now += 2s;
    lines.bytes(5, 10);
    EXPECT_EQ(read_now(pipe.read_end.get()),
              "{\"phase\":\"dumping\",\"bytes\":5,\"total\":10,\"seconds\":2.0,\"frozen\":false}\n");
    lines.bytes(6, 10);
    EXPECT_EQ(read_now(pipe.read_end.get()), "");
    lines.frozen(true);
    EXPECT_NE(read_now(pipe.read_end.get()).find("\"bytes\":6,\"total\":10,\"seconds\":2.0,\"frozen\":true}"),
              std::string::npos);
    lines.bytes(10, 10);
    lines.phase("moving");
    const std::string last = read_now(pipe.read_end.get());
    EXPECT_LT(last.find("\"bytes\":10"), last.find("\"phase\":\"moving\""));
}

} // namespace
} // namespace cedana
