// SPDX-License-Identifier: Apache-2.0
// Ends that no process has while the tree is dumped, since they are on their way through a socket (SCM_RIGHTS).
#include <csignal>

#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class InFlight : public System {
  protected:
    // Through a checkpoint and back, then asked whether all is as it was; what it said.
    [[nodiscard]] std::string said_after_restore(const std::string& kind) const {
        Target target({target_program("in_flight"), kind, log(), scratch("fifo")});
        wait_for_lines(log(), 1);
        const fs::path zip = dump_and_stop(target);
        const CedanaRun run = restore(zip);
        EXPECT_EQ(run.exit_code, 0) << run.err;
        EXPECT_EQ(run.err, "");
        const pid_t pid = target.pid();
        EXPECT_EQ(::kill(pid, SIGUSR1), 0);
        const std::vector<std::string> lines = wait_for_lines(log(), 2);
        return lines.back();
    }
    [[nodiscard]] fs::path log() const { return folder() / "log"; }
};

TEST_F(InFlight, ReadEndOfAPipeComesBackWithItsData) { EXPECT_EQ(said_after_restore("pipe"), "right"); }

TEST_F(InFlight, ReadEndOfAFifoComesBackWithItsData) { EXPECT_EQ(said_after_restore("fifo"), "right"); }

TEST_F(InFlight, StreamSocketComesBackWithItsData) { EXPECT_EQ(said_after_restore("stream"), "right"); }

TEST_F(InFlight, DatagramSocketComesBackWithItsData) { EXPECT_EQ(said_after_restore("datagram"), "right"); }

} // namespace
} // namespace cedana::testing
