// SPDX-License-Identifier: Apache-2.0
// A tree that is to end does so only once its checkpoint is on the disk.
#include "cedana/base/units.hpp"
#include "cedana/checkpoint/reader.hpp"

#include "support/tmpfs.hpp"
#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class StoppingDump : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        wait_for_more_lines(log, k_steps);
    }

    const fs::path log = scratch("count");
    // Of memory that does not compress.
    Target target{{target_program("counter"), log, "64"}};
};

TEST_F(StoppingDump, LeavesTheTreeRunningWhenTheFolderGetsFull) {
    const fs::path small = scratch("small");
    Tmpfs file_system;
    ASSERT_TRUE(file_system.mount(small, 63 * k_mib));
    const CedanaRun run = run_cedana({"client", "dump", "-p", target.pid_text(), "-d", small, "--stop"}, options);
    EXPECT_EQ(run.exit_code, 9) << run.err;
    EXPECT_TRUE(holds(run.err, "runs on"));
    EXPECT_EQ(names_in(small), std::vector<std::string>());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
    EXPECT_TRUE(target.runs());
}

TEST_F(StoppingDump, EndsTheTreeOnlyWhenTheCheckpointIsWhole) {
    const auto pidfd = open_pidfd(target.pid());
    RunningCedana cedana(dump_arguments(target.pid(), {"--stop"}), options, folder());
    wait_for_end(*pidfd);
    const fs::path zip = store() / only(names_in(store()));
    EXPECT_NO_THROW((Checkpoint{zip, Keyring()}));
    target.wait_end();
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, zip.string() + "\n");
    reap_all();
    restore_as(target.pid(), zip);
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

} // namespace
} // namespace cedana::testing
