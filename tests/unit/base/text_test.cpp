// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

struct Distance {
    std::string_view a;
    std::string_view b;
    std::size_t edits;
};
class Levenshtein : public ::testing::TestWithParam<Distance> {};
TEST_P(Levenshtein, CountsTheEdits) { EXPECT_EQ(levenshtein(GetParam().a, GetParam().b), GetParam().edits); }
TEST_P(Levenshtein, IsTheSameBothWays) { EXPECT_EQ(levenshtein(GetParam().b, GetParam().a), GetParam().edits); }
INSTANTIATE_TEST_SUITE_P(Words, Levenshtein,
                         ::testing::Values(Distance{"", "", 0}, Distance{"", "abc", 3}, Distance{"abc", "abc", 0},
                                           Distance{"kitten", "sitting", 3}, Distance{"flaw", "lawn", 2},
                                           Distance{"redis", "reddis", 1}));

TEST(EndpointText, PutsTheColonsOfAnAddressInBrackets) {
    EXPECT_EQ(endpoint_text("10.0.0.1", 22), "10.0.0.1:22");
    EXPECT_EQ(endpoint_text("fe80::1", 22), "[fe80::1]:22");
}

TEST(Similarity, IsOneForEqualAndZeroForUnlikeTexts) {
    EXPECT_DOUBLE_EQ(similarity("abc", "abc"), 1.0);
    EXPECT_DOUBLE_EQ(similarity("abc", "xyz"), 0.0);
    EXPECT_DOUBLE_EQ(similarity("", ""), 1.0);
}

TEST(Nearest, FindsATypo) {
    const std::vector<std::string> known = {"archive.level", "archive.threads", "criu.path"};
    EXPECT_EQ(nearest("archive.levle", known), "archive.level");
}

TEST(Nearest, TakesTwoLettersThatChangedPlacesForOneSlip) {
    const std::vector<std::string> known = {"dump", "prune"};
    EXPECT_EQ(nearest("dmup", known), "dump");
    EXPECT_EQ(nearest("umdp", known), "");
}

TEST(Nearest, IsEmptyWhenNothingIsNear) {
    const std::vector<std::string> known = {"archive.level"};
    EXPECT_EQ(nearest("zzz", known), "");
}

TEST(Printable, EscapesWhatSteersATerminal) { EXPECT_EQ(printable("a\x1b[31m\n"), "a\\x1b[31m\\x0a"); }
TEST(Printable, KeepsUtf8) { EXPECT_EQ(printable("größe ✓"), "größe ✓"); }
TEST(Printable, EscapesBrokenUtf8) { EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3"); }
TEST(Printable, EscapesC1Controls) { EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b"); }

TEST(ShellWord, LeavesPlainPathsAsTheyAre) {
    EXPECT_EQ(shell_word("/etc/cedana/a-b_c.json"), "/etc/cedana/a-b_c.json");
}
TEST(ShellWord, QuotesWhatAShellWouldChange) { EXPECT_EQ(shell_word("/srv/a b;$(x)"), "'/srv/a b;$(x)'"); }
TEST(ShellWord, QuotesQuotes) { EXPECT_EQ(shell_word("it's"), "'it'\\''s'"); }
TEST(ShellWord, NamesWhatCannotBeShownByItsBytes) {
    EXPECT_EQ(shell_word("a\x1b[m'\\b"), "$'a\\x1b[m\\'\\\\b'");
    EXPECT_EQ(shell_word("\xe9"), "$'\\xe9'");
}
TEST(ShellWord, QuotesWhatZshWouldLookUp) { EXPECT_EQ(shell_word("=ls"), "'=ls'"); }
TEST(ShellWord, QuotesNothingToo) { EXPECT_EQ(shell_word(""), "''"); }

TEST(HumanBytes, ChoosesTheUnit) {
    EXPECT_EQ(human_bytes(7), "7 B");
    EXPECT_EQ(human_bytes(1536), "1.5 KiB");
    EXPECT_EQ(human_bytes(20UL * 1024 * 1024), "20 MiB");
}

TEST(UtcTime, IsWrittenInBothForms) {
    const auto when = std::chrono::system_clock::from_time_t(1795365910);
    EXPECT_EQ(utc_compact(when), "20261122T164510Z");
    EXPECT_EQ(utc_iso(when), "2026-11-22T16:45:10Z");
}

TEST(Split, KeepsEmptyParts) { EXPECT_EQ(split("a,,b", ','), (std::vector<std::string>{"a", "", "b"})); }
TEST(Trim, TakesSpaceFromBothEnds) { EXPECT_EQ(trim(" \t a b \n"), "a b"); }

TEST(ParseNumber, TakesWholeNumbersAlone) {
    std::int64_t number = 0;
    EXPECT_TRUE(parse_number("-42", number));
    EXPECT_EQ(number, -42);
    EXPECT_FALSE(parse_number("42x", number));
    EXPECT_FALSE(parse_number("", number));
    EXPECT_FALSE(parse_number("99999999999999999999", number));
}

} // namespace
} // namespace cedana
