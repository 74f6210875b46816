// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/criu/adopted.hpp"

#include <csignal>

#include <gtest/gtest.h>

#include <unistd.h>

namespace cedana::criu {
namespace {

// Whoever execs cedana leaves it its children, and an init of a container has everybody's.
TEST(Subreaper, EndsNoneThatWasAChildBefore) {
    ChildProcess before = ChildProcess::spawn({.argv = {"sleep", "infinity"}});
    const Subreaper reaper;
    ChildProcess after = ChildProcess::spawn({.argv = {"sleep", "infinity"}});
    const pid_t pid = after.pid();
    after.detach();
    reaper.kill_all();
    EXPECT_NE(::kill(pid, 0), 0);
    EXPECT_FALSE(ends_within(before.pidfd(), std::chrono::milliseconds(0)));
}

} // namespace
} // namespace cedana::criu
