// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/keeper.hpp"

#include <gtest/gtest.h>

namespace cedana::criu {
namespace {

TEST(KeeperPlan, IsReadAsItWasWritten) {
    const KeeperPlan plan{
        .copies = {{100, 101}, {102, 103}}, .master = 104, .output = 105, .told = 106, .root_file = "/run/cedana/a b"};
    EXPECT_EQ(read_plan(write_plan(plan)), plan);
}

TEST(KeeperPlan, OfACopierHasNoTerminal) {
    const KeeperPlan plan = read_plan(write_plan({.copies = {{100, 101}}}));
    EXPECT_EQ(plan.copies.size(), 1U);
    EXPECT_EQ(plan.master, -1);
}

TEST(KeeperPlan, ThatIsNoneIsRefused) { EXPECT_THROW(static_cast<void>(read_plan("{}")), Error); }

} // namespace
} // namespace cedana::criu
