// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/unique_fd.hpp"
#include "cedana/cli/terminal.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

#include <pty.h>
#include <unistd.h>

namespace cedana {
namespace {

class Terminal : public ::testing::Test {
  protected:
    Terminal() {
        struct ::winsize size {};
        size.ws_col = 123;
        int master = -1;
        int slave = -1;
        EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
        master_.reset(master);
        slave_.reset(slave);
        ::setenv("TERM", "xterm", 1);
        ::unsetenv("NO_COLOR");
    }
    [[nodiscard]] int fd() const { return slave_.get(); }

  private:
    UniqueFd master_;
    UniqueFd slave_;
};

TEST_F(Terminal, HasAWidthAndColours) {
    EXPECT_EQ(terminal_width(fd()), 123U);
    EXPECT_EQ(paint_for(fd()), Paint::coloured);
}

TEST_F(Terminal, HasNoColoursWhereTheyAreNotWanted) {
    ::setenv("NO_COLOR", "1", 1);
    EXPECT_EQ(paint_for(fd()), Paint::plain);
    ::setenv("NO_COLOR", "", 1);
    EXPECT_EQ(paint_for(fd()), Paint::coloured);
    ::setenv("TERM", "dumb", 1);
    EXPECT_EQ(paint_for(fd()), Paint::plain);
}

TEST(Pipe, HasNeither) {
    const Pipe pipe = make_pipe();
    EXPECT_EQ(terminal_width(pipe.write_end.get()), 0U);
    EXPECT_EQ(paint_for(pipe.write_end.get()), Paint::plain);
}

TEST(DisplayWidth, CountsColumnsNotBytes) {
    EXPECT_EQ(display_width(""), 0U);
    EXPECT_EQ(display_width("redis"), 5U);
    EXPECT_EQ(display_width("ünï"), 3U);
    EXPECT_EQ(display_width("日本"), 4U);
    EXPECT_EQ(display_width("e\u0301"), 1U);
}

TEST(Fitted, EndsInAnEllipsisWhenSomethingIsCut) {
    EXPECT_EQ(fitted("redis", 5), "redis");
    EXPECT_EQ(fitted("redis", 4), "red…");
    EXPECT_EQ(fitted("日本", 3), "日…");
    EXPECT_EQ(fitted("日本", 2), "…");
    EXPECT_EQ(fitted("redis", 0), "");
}

TEST(FittedEnd, KeepsTheEndOfAPath) {
    EXPECT_EQ(fitted_end("/usr/lib/libc.so.6", 10), "…libc.so.6");
    EXPECT_EQ(fitted_end("/usr/lib/libc.so.6", 18), "/usr/lib/libc.so.6");
    EXPECT_EQ(fitted_end("/ünïcödé", 4), "…ödé");
    EXPECT_EQ(fitted_end("/a", 0), "");
}

TEST(Hanging, BreaksBetweenWordsAndIndentsWhatFollows) {
    EXPECT_EQ(hanging("  hint:  one two three", 9, 16), "  hint:  one two\n         three");
    EXPECT_EQ(hanging("error: a", 7, 16), "error: a");
    EXPECT_EQ(hanging("error: a long line of text", 7, 0), "error: a long line of text");
}

TEST(Hanging, GivesALongWordALineOfItsOwn) {
    EXPECT_EQ(hanging("from /a/very/long/path x", 5, 10), "from\n     /a/very/long/path\n     x");
}

} // namespace
} // namespace cedana
