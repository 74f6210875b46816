// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/job/callers_command.hpp"

#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>

#include <unistd.h>

namespace cedana::job {
namespace {

using std::chrono::seconds;

const Caller k_other{.uid = 65534, .gid = 65534, .name = "nobody", .home = "/nonexistent"};

TEST(TimeLeft, IsTheFirstNumber) {
    EXPECT_EQ(time_left_in("120\n"), seconds(120));
    EXPECT_EQ(time_left_in(" 30 of them\nmore"), seconds(30));
    EXPECT_EQ(time_left_in("-5"), seconds(0));
    for (const char* text : {"", "soon", "9999999999"})
        EXPECT_EQ(time_left_in(text), std::nullopt) << text;
}

TEST(CallersCommand, IsWordsAndNoLineForAShell) {
    const SpawnRequest request = callers_command(k_other, "  /bin/echo  a;b $HOME ", "--notice", {"X=1"});
    EXPECT_EQ(request.argv, (std::vector<std::string>{"/bin/echo", "a;b", "$HOME"}));
    EXPECT_EQ(std::ranges::count(*request.env, "X=1"), 1);
    EXPECT_THROW(static_cast<void>(callers_command(k_other, "  ", "--notice", {})), Error);
}

TEST(CallersCommand, RunsAsTheCallerBehindSudo) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    ::setenv("SUDO_COMMAND", "x", 1);
    const Captured run = run_captured(callers_command(k_other, "/usr/bin/env", "--on-failure", {}), seconds(10));
    ::unsetenv("SUDO_COMMAND");
    EXPECT_TRUE(run.out.find("HOME=/nonexistent\n") != std::string::npos) << run.out;
    EXPECT_EQ(run.out.find("SUDO_"), std::string::npos) << run.out;
    const Captured who = run_captured(callers_command(k_other, "/usr/bin/id -u", "--on-failure", {}), seconds(10));
    EXPECT_EQ(trim(who.out), "65534");
}

} // namespace
} // namespace cedana::job
