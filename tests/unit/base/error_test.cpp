// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"

#include <cerrno>
#include <string>

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

std::string name_that_changes_errno() {
    errno = EACCES;
    return "x";
}

TEST(OsFailure, TakesErrnoBeforeWhatItsTextIsMadeFrom) {
    errno = ENOENT;
    const Error error = OsFailure(Fault::usage).error("cannot open {}", name_that_changes_errno());
    EXPECT_EQ(error.message(), "cannot open x: No such file or directory");
    EXPECT_EQ(error.fault(), Fault::usage);
}

TEST(OsFailure, HasTheFaultOfErrnoBeforeTheOneThatItWasGiven) {
    errno = ENOSPC;
    EXPECT_EQ(OsFailure(Fault::usage).error("cannot write").fault(), Fault::storage);
}

TEST(OsFailure, IsInternalWhereNoFaultWasGiven) {
    errno = ENOENT;
    EXPECT_EQ(OsFailure().error("cannot open").fault(), Fault::internal);
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
