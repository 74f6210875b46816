// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/table.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace cedana {
namespace {

using Lines = std::vector<std::string>;

Table table() {
    Table made({{.title = "NAME"},
                {.title = "SIZE", .align = Align::right},
                {.title = "HOST", .rank = 1},
                {.title = "KIND", .rank = 2},
                {.title = "NOTE", .elastic = true}});
    made.add({"redis", "7 B", "vm", "zip", "a note of some length"});
    made.add({"ünïcode", "1.5 GiB", "vm", "zip", ""});
    return made;
}

TEST(Table, IsAsWideAsItsCellsWithoutALimit) {
    EXPECT_EQ(table().lines(0, Paint::plain),
              (Lines{"NAME        SIZE  HOST  KIND  NOTE", "redis        7 B  vm    zip   a note of some length",
                     "ünïcode  1.5 GiB  vm    zip"}));
}

TEST(Table, AlignsWhatIsNotOneColumnACodePoint) {
    Table made({{.title = "NAME"}, {.title = "SIZE", .align = Align::right}, {.title = "NOTE"}});
    for (const char* name : {"redis", "日本", "🚀", "⌚x", "e\u0301t", "ก\u0E34", "한글"})
        made.add({name, "日", "note"});
    const Lines lines = made.lines(0, Paint::plain);
    for (std::size_t i = 1; i < lines.size(); ++i)
        EXPECT_EQ(display_width(lines[i].substr(0, lines[i].find("note"))), 5U + 2 + 4 + 2) << lines[i];
    EXPECT_EQ(lines.at(2), "日本     日  note");
    EXPECT_EQ(lines.at(5), "e\u0301t       日  note");
}

TEST(Table, LeavesOutTheLeastImportantColumnFirst) {
    EXPECT_EQ(table().lines(46, Paint::plain).at(1), "redis        7 B  vm    a note of some length");
}

TEST(Table, CutsTheElasticColumnWhenNothingIsLeftToLeaveOut) {
    EXPECT_EQ(table().lines(27, Paint::plain).at(1), "redis        7 B  a note o…");
}

TEST(Table, NeverExceedsTheWidthWhileTheElasticColumnHasRoom) {
    for (std::size_t width = 27; width < 80; ++width)
        for (const std::string& line : table().lines(width, Paint::plain))
            EXPECT_LE(display_width(line), width);
}

TEST(Table, ColoursCellsButNotTheirPadding) {
    Table made({{.title = "A"}, {.title = "B"}});
    made.add({Cell("x", Colour::red), "y"});
    made.add({"longer", "z"});
    EXPECT_EQ(made.lines(0, Paint::coloured).at(1), "\x1b[31mx\x1b[0m       y");
}

} // namespace
} // namespace cedana
