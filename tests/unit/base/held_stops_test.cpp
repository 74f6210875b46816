// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/held_stops.hpp"

#include <array>
#include <thread>

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

namespace cedana {
namespace {

bool is_blocked(int number) {
    sigset_t set;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &set);
    return sigismember(&set, number) == 1;
}

TEST(HeldStops, WaitInThreadsThatAreStartedMeanwhileToo) {
    const HeldStops held;
    std::array<bool, 3> blocked{};
    std::thread([&] { blocked = {is_blocked(SIGTSTP), is_blocked(SIGTTIN), is_blocked(SIGTTOU)}; }).join();
    EXPECT_EQ(blocked, (std::array{true, true, true}));
}

// Exits with 3 once it goes on.
[[noreturn]] void stop_by_itself() {
    HeldStops held;
    ::kill(::getpid(), SIGTSTP);
    held.let();
    ::_exit(3);
}

TEST(HeldStops, StopTheProcessOnceTheyAreLetGo) {
    const pid_t child = ::fork();
    if (child == 0) {
        // The kernel stops nobody in a group to which no parent outside of it belongs (setpgid(2)).
        ::setpgid(0, 0);
        stop_by_itself();
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
    EXPECT_TRUE(WIFSTOPPED(status)) << status;
    ::kill(child, SIGCONT);
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 3);
}

TEST(HeldStops, AreAsBeforeAfterwards) {
    { const HeldStops held; }
    EXPECT_FALSE(is_blocked(SIGTSTP));
}

} // namespace
} // namespace cedana
