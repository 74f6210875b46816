// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/course.hpp"

#include <gtest/gtest.h>

namespace cedana::job {
namespace {

using namespace std::chrono_literals;

JobCheckpoint one(const std::string& file, int tries = 0, bool damaged = false) {
    return {.file = file, .tries = tries, .damaged = damaged};
}

TEST(Choice, WithoutCheckpointsIsToStart) { EXPECT_EQ(choose({}, {}).kind, Choice::Kind::start); }

TEST(Choice, WithAllGoneIsToGiveUpUnlessAskedToStart) {
    EXPECT_EQ(choose({}, {}, true).kind, Choice::Kind::give_up);
    EXPECT_EQ(choose({}, {.if_unrestorable = IfUnrestorable::start}, true).kind, Choice::Kind::start);
}

TEST(Choice, IsTheNewestThatHasTriesLeft) {
    const Choice choice = choose({one("c", 2), one("b", 1), one("a")}, {});
    EXPECT_EQ(choice.kind, Choice::Kind::go_on);
    EXPECT_EQ(choice.place, 1U);
}

TEST(Choice, IsNoneThatIsDamaged) { EXPECT_EQ(choose({one("b", 0, true), one("a")}, {}).place, 1U); }

TEST(Choice, WithAllTriedIsToGiveUpUnlessAskedToStart) {
    EXPECT_EQ(choose({one("a", 2)}, {}).kind, Choice::Kind::give_up);
    EXPECT_EQ(choose({one("a", 2)}, {.if_unrestorable = IfUnrestorable::start}).kind, Choice::Kind::start);
}

struct EndCase {
    Restart restart;
    ProgramEnd end;
    AfterEnd expected;
};

class AfterTheEnd : public ::testing::TestWithParam<EndCase> {};

TEST_P(AfterTheEnd, ComesWhatTheRuleSays) {
    EXPECT_EQ(after_end(GetParam().end, {.restart = GetParam().restart}, 0), GetParam().expected);
}

constexpr ProgramEnd k_good{};
constexpr ProgramEnd k_bad{.code = 3};
constexpr ProgramEnd k_killed{.signal = 9};

INSTANTIATE_TEST_SUITE_P(Rules, AfterTheEnd,
                         ::testing::Values(EndCase{Restart::no, k_good, AfterEnd::done},
                                           EndCase{Restart::no, k_bad, AfterEnd::leave},
                                           EndCase{Restart::no, k_killed, AfterEnd::leave},
                                           EndCase{Restart::on_abnormal, k_good, AfterEnd::done},
                                           EndCase{Restart::on_abnormal, k_bad, AfterEnd::leave},
                                           EndCase{Restart::on_abnormal, k_killed, AfterEnd::wait},
                                           EndCase{Restart::on_failure, k_good, AfterEnd::done},
                                           EndCase{Restart::on_failure, k_bad, AfterEnd::wait},
                                           EndCase{Restart::on_failure, k_killed, AfterEnd::wait},
                                           EndCase{Restart::always, k_good, AfterEnd::wait},
                                           EndCase{Restart::always, k_bad, AfterEnd::wait}));

TEST(AfterTheEnd, TooOftenIsAFailure) {
    EXPECT_EQ(after_end(k_killed, {.max_restarts = 5}, 4), AfterEnd::wait);
    EXPECT_EQ(after_end(k_killed, {.max_restarts = 5}, 5), AfterEnd::fail);
}

TEST(Backoff, DoublesUpToItsLongest) {
    const CourseRules rules{.backoff = 10s};
    EXPECT_EQ(backoff_of(rules, 0), 10s);
    EXPECT_EQ(backoff_of(rules, 3), 80s);
    EXPECT_EQ(backoff_of(rules, 1000), k_longest_backoff);
    EXPECT_EQ(backoff_of({.backoff = 600s}, 3), 600s);
    EXPECT_EQ(backoff_of({.backoff = 0s}, 9), 0s);
}

TEST(Chain, GoesBackToWhatTheProgramCameFrom) {
    std::vector<JobCheckpoint> chain = {one("c"), one("b"), one("a")};
    go_back_to(chain, "b");
    ASSERT_EQ(chain.size(), 2U);
    EXPECT_EQ(chain.front().file, "b");
    go_back_to(chain, "");
    EXPECT_TRUE(chain.empty());
}

TEST(Chain, KeepsTheNewestAndWhatTheProgramCameFrom) {
    std::vector<JobCheckpoint> chain = {one("e"), one("d"), one("c"), one("b"), one("a")};
    EXPECT_EQ(take_surplus(chain, 2, "b"), (std::vector<std::string>{"a", "c"}));
    ASSERT_EQ(chain.size(), 3U);
    EXPECT_EQ(chain.back().file, "b");
}

TEST(Chain, KeepsOneWhateverIsAsked) {
    std::vector<JobCheckpoint> chain = {one("b"), one("a")};
    EXPECT_EQ(take_surplus(chain, 0, ""), std::vector<std::string>{"a"});
}

TEST(Interval, LetsDumpsCostNoMoreThanTheirShare) {
    EXPECT_EQ(interval_for({.last = 6}, 1), 600s);
    EXPECT_EQ(interval_for({.last = 0.1, .all = 5, .elapsed = 10'000}, 1), 60s);
}

TEST(Interval, MakesUpForDumpsThatCameTooSoonOrTookLonger) {
    // The first, after a minute, cost 2 s.
    EXPECT_EQ(interval_for({.last = 2, .all = 2, .elapsed = 62}, 1), 338s);
    double elapsed = 0;
    double all = 0;
    for (const double cost : {1.2, 1.3, 1.5, 1.0, 1.2, 2.0, 0.5, 3.0}) {
        all += cost;
        elapsed +=
            std::chrono::duration<double>(interval_for({.last = cost, .all = all, .elapsed = elapsed}, 1)).count();
    }
    EXPECT_LT(all / elapsed, 0.01);
}

} // namespace
} // namespace cedana::job
