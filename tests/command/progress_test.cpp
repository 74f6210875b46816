// SPDX-License-Identifier: Apache-2.0
#include "command/command_fixture.hpp"

namespace cedana::testing {
namespace {

using Summary = WithTarget;

TEST_F(Summary, OfADumpIsOneLineOnStandardError) {
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_TRUE(matches(only_line(run.err), "[0-9.]+ [KM]?i?B \\([0-9.]+x\\) in [0-9.]+ m?s.*"));
}

TEST_F(Summary, IsNotThereWhenQuiet) {
    const CedanaRun run = dump(target, {"--quiet"});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_EQ(run.err, "");
}

} // namespace
} // namespace cedana::testing
