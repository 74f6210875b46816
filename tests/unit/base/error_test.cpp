// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"

#include <cerrno>

#include <gtest/gtest.h>

namespace cedana {
namespace {

TEST(Error, NamesTheStepsFromTheInnermostOut) {
    try {
        step("outer", [] { step("inner", [] { throw Error(Fault::usage, "no"); }); });
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.steps(), (std::vector<std::string>{"inner", "outer"}));
    }
}

TEST(Error, StepReturnsWhatTheWorkReturns) {
    EXPECT_EQ(step("work", [] { return 42; }), 42);
}

TEST(OsError, SaysWhatAndWhy) {
    EXPECT_EQ(os_error(ENOENT, "cannot open x").message(), "cannot open x: No such file or directory");
}

struct ErrnoCase {
    int number;
    Fault fault;
};
class FaultOfErrno : public ::testing::TestWithParam<ErrnoCase> {};
TEST_P(FaultOfErrno, FollowsFromWhatFailed) {
    EXPECT_EQ(fault_of_errno(GetParam().number, Fault::usage), GetParam().fault);
}
INSTANTIATE_TEST_SUITE_P(Errnos, FaultOfErrno,
                         ::testing::Values(ErrnoCase{ENOSPC, Fault::storage}, ErrnoCase{EDQUOT, Fault::storage},
                                           ErrnoCase{EIO, Fault::storage}, ErrnoCase{EROFS, Fault::storage},
                                           ErrnoCase{EACCES, Fault::permission}, ErrnoCase{EPERM, Fault::permission},
                                           ErrnoCase{ENOENT, Fault::usage}));

} // namespace
} // namespace cedana
