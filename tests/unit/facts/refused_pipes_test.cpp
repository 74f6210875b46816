// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <array>
#include <functional>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::Forked;
using testing::holds;
using testing::Look;

enum class Kept { both, writing };

// Only what it makes itself counts.
void make_pipes(int count, Kept kept) {
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    std::array<int, 2> ends{};
    for (int i = 0; i < count; ++i) {
        if (::pipe(ends.data()) != 0)
            ::_exit(1);
        if (kept == Kept::writing)
            ::close(ends[0]);
    }
}

std::vector<Refusal> pipes_refused_of_child(const std::function<void()>& set_up) {
    const Forked child(set_up);
    const Look look(Procfs(), child.pid());
    return refused_pipes(Procfs(), look.holdings);
}

TEST(RefusedPipes, AreMoreThanCriuCounts) {
    const auto refusals = pipes_refused_of_child([] { make_pipes(1030, Kept::both); });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "pipes open, and CRIU cannot dump more than 1024")) << refusals[0].sentence;
}

TEST(RefusedPipes, AreNotThoseThatCriuDoesNotLookInto) {
    const auto refusals = pipes_refused_of_child([] { make_pipes(1100, Kept::writing); });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

TEST(RefusedPipes, AreNotFewerHoweverManyProcessesHaveThem) {
    const auto refusals = pipes_refused_of_child([] {
        make_pipes(600, Kept::both);
        testing::fork_that_stays();
    });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

TEST(RefusedPipes, AreThoseInPacketMode) {
    const auto refusals = pipes_refused_of_child([] {
        std::array<int, 2> ends{};
        [[maybe_unused]] const int made = ::pipe2(ends.data(), O_DIRECT);
        ::close(ends[0]);
    });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "packet mode"));
}

} // namespace
} // namespace cedana
