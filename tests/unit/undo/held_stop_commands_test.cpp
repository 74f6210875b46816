// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/held_stop_commands.hpp"

#include <gtest/gtest.h>

#include "support/assertions.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

using testing::holds;

TEST(HeldStopCommands, AreAllOfThem) {
    const std::string text = held_stop_text({.name = "a.service"});
    EXPECT_TRUE(holds(text, "[Service]\nExecStop=\nExecStopPost=\n"));
    EXPECT_TRUE(holds(text, "\nSuccessExitStatus=SIGKILL\n"));
}

class HeldStopCommandsTest : public test::InTempFolder {};

TEST_F(HeldStopCommandsTest, AreNotHeldByADumpThatHasNotedNone) { EXPECT_FALSE(release_stop_commands(path(""))); }

} // namespace
} // namespace cedana
