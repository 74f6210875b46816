// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/process_mark.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

namespace cedana {
namespace {

TEST(ProcessMark, OfThisProcessIsAtWork) {
    EXPECT_EQ(own_mark().pid, ::getpid());
    EXPECT_NE(own_mark().start_time, 0U);
    EXPECT_TRUE(is_at_work(own_mark()));
}

TEST(ProcessMark, IsNotThatOfWhoGotThePidLater) {
    ProcessMark former = own_mark();
    --former.start_time;
    EXPECT_FALSE(is_at_work(former));
}

TEST(ProcessMark, WithoutAStartTimeIsThatOfWhoeverHasThePid) {
    EXPECT_TRUE(is_at_work({.pid = ::getpid()}));
    EXPECT_FALSE(is_at_work({.pid = 4'194'304}));
}

TEST(ProcessMark, IsNotAtWorkOnceItHasEnded) {
    const pid_t pid = ::fork();
    if (pid == 0)
        ::_exit(0);
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
    EXPECT_FALSE(is_at_work({.pid = pid}));
    ::waitpid(pid, nullptr, 0);
    EXPECT_FALSE(is_at_work({.pid = pid}));
}

TEST(ProcessMark, IsReadAsItWasWritten) {
    EXPECT_EQ(to_text({.pid = 17, .start_time = 4711}, '.'), "17.4711");
    EXPECT_EQ(to_text({.pid = 17}, '.'), "17");
    EXPECT_EQ(parse_mark("17", "4711"), (ProcessMark{.pid = 17, .start_time = 4711}));
    EXPECT_EQ(parse_mark("17"), ProcessMark{.pid = 17});
    EXPECT_FALSE(parse_mark("17", "XXXXXX"));
    EXPECT_FALSE(parse_mark(""));
}

} // namespace
} // namespace cedana
