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

TEST(NamespacedMark, TellsWhoIsElsewhere) {
    NamespacedMark mark = own_namespaced_mark();
    EXPECT_EQ(parse_namespaced_mark(to_text(mark)), mark);
    EXPECT_EQ(standing_of(mark), MarkedProcess::at_work);
    ++mark.process.start_time;
    EXPECT_EQ(standing_of(mark), MarkedProcess::ended);
    ++mark.pid_namespace;
    EXPECT_EQ(standing_of(mark), MarkedProcess::elsewhere);
}

TEST(NamespacedMark, OfAnOlderCedanaIsOfThisNamespace) {
    EXPECT_EQ(parse_namespaced_mark("4711.52819"),
              (NamespacedMark{.process = {.pid = 4711, .start_time = 52819}, .pid_namespace = 0}));
    EXPECT_EQ(parse_namespaced_mark("4711"), (NamespacedMark{.process = {.pid = 4711}, .pid_namespace = 0}));
    for (const char* wrong : {"", "a.1.2", "1.a.2", "1.2.a", "1.2.3.4"})
        EXPECT_FALSE(parse_namespaced_mark(wrong)) << wrong;
}

} // namespace
} // namespace cedana
