// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/core_dumps.hpp"

#include <gtest/gtest.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cedana {
namespace {

enum Flaw { dumpable = 1, soft_limit = 2, hard_limit = 4 };

// Of a child, since it lasts. The flaws as its exit code.
int flaws_after_forbidding() {
    rlimit before{};
    ::getrlimit(RLIMIT_CORE, &before);
    forbid_core_dumps();
    rlimit after{};
    ::getrlimit(RLIMIT_CORE, &after);
    return (::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : dumpable) | (after.rlim_cur <= 1 ? 0 : soft_limit) |
           (after.rlim_max == before.rlim_max ? 0 : hard_limit);
}

TEST(ForbidCoreDumps, LeavesNeitherACoreNorAHardLimitThatCriuCouldNotRaise) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root: others have no secrets of others";
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(flaws_after_forbidding());
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

} // namespace
} // namespace cedana
