// SPDX-License-Identifier: Apache-2.0
// A dump that somebody or something ends before its time: the tree runs on, and nothing is left that looks like a
// checkpoint.
#include "cedana/base/files.hpp"

#include <csignal>

#include "support/wait.hpp"
#include "system/moments.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"
#include "system/terminal.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

// When the pages are on their way from a frozen tree.

class InterruptedDump : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        wait_for_more_lines(log, k_steps);
    }
    void expect_undisturbed() {
        EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
        EXPECT_TRUE(target.runs());
    }

    const fs::path log = scratch("count");
    Target target{{target_program("counter"), log, "300"}};
};

class InterruptedOnATerminal : public InterruptedDump, public ::testing::WithParamInterface<By> {
  protected:
    void SetUp() override {
        if (GetParam() == By::sudo)
            require_sudo_with_own_terminals();
        if (!IsSkipped() && !HasFatalFailure())
            InterruptedDump::SetUp();
    }
};

TEST_P(InterruptedOnATerminal, ByCtrlCADumpLeavesTheTreeRunningAndNoFile) {
    CedanaOnTerminal cedana(dump_arguments(target.pid(), {"--stop", k_tell_all}), options, GetParam());
    wait_for_dump_log(cedana.pid(), k_amid_the_pages);
    cedana.press_ctrl_c();
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 130) << run.out;
    EXPECT_TRUE(holds(run.out, "runs on"));
    EXPECT_TRUE(holds(run.out, "interrupted by Ctrl-C"));
    expect_undisturbed();
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(By, InterruptedOnATerminal, ::testing::Values(By::root, By::sudo),
                         [](const auto& by) { return name_of(by.param); });

// Of images that CRIU streams, and of those that it writes into a folder in memory.
class InterruptedByAnyWay : public InterruptedDump, public ::testing::WithParamInterface<const char*> {};

TEST_P(InterruptedByAnyWay, BySigtermLeavesTheTreeRunningAndNoFile) {
    options.environment["CEDANA_DUMP_FOLDER_MIB"] = GetParam();
    RunningCedana cedana(dump_arguments(target.pid(), {"--stop", "--progress", "json", k_tell_all}), options, folder());
    wait_for_dump_log(cedana.pid(), k_amid_the_pages);
    cedana.signal(SIGTERM);
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 130) << run.err;
    EXPECT_TRUE(holds(run.err, "runs on"));
    EXPECT_TRUE(holds(run.err, "interrupted by SIGTERM"));
    EXPECT_TRUE(holds(run.err, "giving up: waiting until criu has let process"));
    expect_undisturbed();
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(FolderMib, InterruptedByAnyWay, ::testing::Values("0", "1024"));

// What CRIU writes to its log at the moments in which cedana is killed.
class KilledCedana : public InterruptedDump, public ::testing::WithParamInterface<const char*> {
  protected:
    void kill_cedana_amid_a_dump() const {
        // CRIU tells of its action scripts only so.
        RunningCedana cedana(dump_arguments(target.pid(), {"--stop", "--criu-arg=-v4"}), options, folder());
        wait_for_dump_log(cedana.pid(), GetParam());
        cedana.signal(SIGKILL);
        EXPECT_EQ(cedana.wait().exit_code, -1);
        // CRIU outlives it for as long as it takes to heal the tree.
        reap_all_but(target.pid());
    }
};

TEST_P(KilledCedana, LeavesTheTreeRunning) {
    kill_cedana_amid_a_dump();
    expect_undisturbed();
    EXPECT_EQ(names_in(store(), ".zip"), std::vector<std::string>());
}

TEST_P(KilledCedana, IsCleanedUpAfterByTheNextDump) {
    kill_cedana_amid_a_dump();
    const CedanaRun next = dump(target.pid());
    EXPECT_EQ(next.exit_code, 0) << next.err;
    EXPECT_EQ(names_in(store()), std::vector<std::string>{fs::path(only_line(next.out)).filename()});
    expect_undisturbed();
}

class KilledCedanaWithAFolder : public KilledCedana {
  protected:
    void SetUp() override {
        KilledCedana::SetUp();
        options.environment["CEDANA_DUMP_FOLDER_MIB"] = "1024";
    }
};

TEST_P(KilledCedanaWithAFolder, IsCleanedUpAfterByTheNextDump) {
    const std::string mounts = read_file("/proc/self/mountinfo");
    kill_cedana_amid_a_dump();
    expect_undisturbed();
    EXPECT_EQ(read_file("/proc/self/mountinfo"), mounts);
    const CedanaRun next = dump(target.pid());
    EXPECT_EQ(next.exit_code, 0) << next.err;
    EXPECT_EQ(names_in(store()), std::vector<std::string>{fs::path(only_line(next.out)).filename()});
}

INSTANTIATE_TEST_SUITE_P(Moments, KilledCedanaWithAFolder, ::testing::Values(k_amid_the_pages, "Running post-dump"));

INSTANTIATE_TEST_SUITE_P(Moments, KilledCedana,
                         ::testing::Values("Collecting", "Dumping task", k_amid_the_pages, "Running post-dump"));

// Faults that CRIU brings about in itself: CRIU_FAULT of criu/include/fault-injection.h.
class CriuFault : public InterruptedDump, public ::testing::WithParamInterface<const char*> {};

TEST_P(CriuFault, IsToldAsItIs) {
    options.environment["CRIU_FAULT"] = GetParam();
    const CedanaRun run = dump(target.pid());
    EXPECT_EQ(run.exit_code, target.runs() ? 6 : 10) << run.err;
    EXPECT_TRUE(holds(run.err, target.runs() ? "runs on" : "the process ended"));
    EXPECT_TRUE(count_on_from(1, lines_of(log)));
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
}

// 1: CRIU dies early; 3: amid the pages; 5: its code inside the process cannot connect to it.
INSTANTIATE_TEST_SUITE_P(Faults, CriuFault, ::testing::Values("1", "3", "5"));

} // namespace
} // namespace cedana::testing
