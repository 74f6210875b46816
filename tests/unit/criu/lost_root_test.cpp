// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/criu/lost_root.hpp"

#include <cstdint>

#include <gtest/gtest.h>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit/process/forked.hpp"

namespace cedana::criu {
namespace {

using namespace std::chrono_literals;
using cedana::testing::Forked;

void wait_in_futex() {
    std::uint32_t word = 0;
    while (::syscall(SYS_futex, &word, FUTEX_WAIT, 0, nullptr, nullptr, 0) != 1)
        continue;
}

TEST(LostRoot, EndsTheCriuThatWaitsForItsTasksAlone) {
    const Forked waiting([] {}, wait_in_futex);
    const Forked working;
    const Forked root;
    const auto waiting_criu = open_pidfd(waiting.pid());
    const auto working_criu = open_pidfd(working.pid());
    ASSERT_TRUE(waiting_criu && working_criu);
    EventLoop loop;
    LostRoot lost(loop);
    lost.watch(root.pid());
    EXPECT_FALSE(lost.end_waiting(*waiting_criu));
    root.kill_only();
    const auto until = std::chrono::steady_clock::now() + 20s;
    bool is_ended = false;
    while (!is_ended && std::chrono::steady_clock::now() < until) {
        loop.run_once(lost.patience());
        is_ended = lost.end_waiting(*waiting_criu);
    }
    EXPECT_TRUE(is_ended && ends_within(*waiting_criu, 10s));
    EXPECT_FALSE(lost.end_waiting(*working_criu));
    EXPECT_FALSE(ends_within(*working_criu, 0ms));
}

} // namespace
} // namespace cedana::criu
