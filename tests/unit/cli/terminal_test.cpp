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
        ::unsetenv("COLUMNS");
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

TEST_F(Terminal, HasTheWidthThatColumnsSays) {
    ::setenv("COLUMNS", "60", 1);
    EXPECT_EQ(terminal_width(fd()), 60U);
    for (const char* none : {"", "0", "-1", "wide"}) {
        ::setenv("COLUMNS", none, 1);
        EXPECT_EQ(terminal_width(fd()), 123U) << none;
    }
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
    ::setenv("COLUMNS", "60", 1);
    EXPECT_EQ(terminal_width(pipe.write_end.get()), 0U);
    EXPECT_EQ(paint_for(pipe.write_end.get()), Paint::plain);
}

TEST(DisplayWidth, CountsColumnsNotBytes) {
    EXPECT_EQ(display_width(""), 0U);
    EXPECT_EQ(display_width("redis"), 5U);
    EXPECT_EQ(display_width("ünï"), 3U);
    EXPECT_EQ(display_width("日本"), 4U);
    EXPECT_EQ(display_width("e\u0301"), 1U);
    // A fullwidth and a halfwidth form, a syllable of Hangul.
    EXPECT_EQ(display_width("Ａｱ"), 3U);
    EXPECT_EQ(display_width("한"), 2U);
    // Emoji, also one below U+1F300.
    EXPECT_EQ(display_width("🚀"), 2U);
    EXPECT_EQ(display_width("⌚"), 2U);
    // Marks of other scripts: Thai, Hebrew; a selector of a variant; a joiner.
    EXPECT_EQ(display_width("ก\u0E34"), 1U);
    EXPECT_EQ(display_width("ש\u05C1"), 1U);
    EXPECT_EQ(display_width("a\uFE0F\u200D"), 1U);
    // A code point that is not assigned, and what is no UTF-8.
    EXPECT_EQ(display_width("\u0378"), 1U);
    EXPECT_EQ(display_width("a\xff"), 2U);
    EXPECT_EQ(display_width("\xe6\x97"), 2U);
}

TEST(Fitted, EndsInAnEllipsisWhenSomethingIsCut) {
    EXPECT_EQ(fitted("redis", 5), "redis");
    EXPECT_EQ(fitted("redis", 4), "red…");
    EXPECT_EQ(fitted("日本", 3), "日…");
    EXPECT_EQ(fitted("日本", 2), "…");
    EXPECT_EQ(fitted("redis", 0), "");
    EXPECT_EQ(fitted("🚀🚀🚀", 4), "🚀…");
    EXPECT_EQ(fitted("e\u0301a\u0301x", 2), "e\u0301…");
}

TEST(FittedEnd, KeepsTheEndOfAPath) {
    EXPECT_EQ(fitted_end("/usr/lib/libc.so.6", 10), "…libc.so.6");
    EXPECT_EQ(fitted_end("/usr/lib/libc.so.6", 18), "/usr/lib/libc.so.6");
    EXPECT_EQ(fitted_end("/ünïcödé", 4), "…ödé");
    EXPECT_EQ(fitted_end("/a", 0), "");
    EXPECT_EQ(fitted_end("e\u0301x", 1), "…");
    EXPECT_EQ(fitted_end("abe\u0301x", 2), "…x");
    EXPECT_EQ(fitted_end("ab日本", 4), "…本");
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
