// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

using namespace std::chrono_literals;

TEST(ParseUtcIso, TakesWhatUtcIsoGives) {
    const auto when = std::chrono::system_clock::from_time_t(1'795'365'910);
    EXPECT_EQ(parse_utc_iso(utc_iso(when)), when);
}

TEST(ParseUtcIso, TakesNothingElse) {
    for (const char* text : {"", "2026-11-22", "2026-11-22T16:45:10", "2026-02-30T00:00:00Z", "2026-11-22T16:45:10Z ",
                             " 2026-11-22T16:45:10Z", "2026-11-22t16:45:10z", "yesterday"})
        EXPECT_FALSE(parse_utc_iso(text)) << text;
}

TEST(ParseUtcIso, TakesNoTimeThatTheClockCannotHold) {
    for (const char* text :
         {"1013-11-24T07:58:58Z", "0000-01-01T00:00:00Z", "2262-04-12T00:00:00Z", "9999-12-31T00:00:00Z"})
        EXPECT_FALSE(parse_utc_iso(text)) << text;
    EXPECT_TRUE(parse_utc_iso("1677-09-22T00:00:00Z"));
    EXPECT_TRUE(parse_utc_iso("2262-04-11T00:00:00Z"));
}

TEST(ParseDuration, TakesANumberWithAUnit) {
    EXPECT_EQ(parse_duration("42s"), 42s);
    EXPECT_EQ(parse_duration("15m"), 15min);
    EXPECT_EQ(parse_duration("2h"), 2h);
    EXPECT_EQ(parse_duration("7d"), 168h);
    EXPECT_EQ(parse_duration("3w"), 504h);
    EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(ParseDuration, TakesNothingElse) {
    for (const char* text : {"", "s", "42", "-1s", "1.5h", "2 h", "2H", "99999999999999999w", "9223372036854775807s"})
        EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(HumanAge, HasOneUnitThatIsReadAtAGlance) {
    EXPECT_EQ(human_age(-5s), "0s");
    EXPECT_EQ(human_age(0s), "0s");
    EXPECT_EQ(human_age(119s), "119s");
    EXPECT_EQ(human_age(120s), "2m");
    EXPECT_EQ(human_age(119min), "119m");
    EXPECT_EQ(human_age(2h), "2h");
    EXPECT_EQ(human_age(47h), "47h");
    EXPECT_EQ(human_age(48h), "2d");
    EXPECT_EQ(human_age(24h * 400), "400d");
}

TEST(HumanSeconds, ChangesItsUnitWithTheSize) {
    EXPECT_EQ(human_seconds(0), "0 ms");
    EXPECT_EQ(human_seconds(0.036), "36 ms");
    EXPECT_EQ(human_seconds(0.0999), "0.1 s");
    EXPECT_EQ(human_seconds(9.94), "9.9 s");
    EXPECT_EQ(human_seconds(9.96), "10 s");
    EXPECT_EQ(human_seconds(119.4), "119 s");
    EXPECT_EQ(human_seconds(200), "3 min 20 s");
}

} // namespace
} // namespace cedana
