// SPDX-License-Identifier: Apache-2.0
// client.signal_process_pre_dump
#include "command/command_fixture.hpp"
#include "support/wait.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class PreDumpSignal : public WithTarget {
  protected:
    PreDumpSignal() {
        options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_PRE_DUMP"] = "true";
        options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_DONE_FILE"] = scratch("done");
    }
};

TEST_F(PreDumpSignal, IsNotSentToATargetThatItWouldEnd) {
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "process " + target.pid_text() + " does not handle SIGUSR1"));
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(criu_runs("dump").empty());
}

TEST_F(PreDumpSignal, IsFollowedByTheDumpOnceTheTargetIsDone) {
    const Target prepared({PREPARES_ON_SIGNAL, scratch("ready"), scratch("done")});
    wait_for_file(scratch("ready"));
    const CedanaRun run = dump(prepared);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_FALSE(holds(run.err, "warning"));
    EXPECT_TRUE(fs::exists(scratch("done")));
    EXPECT_TRUE(prepared.runs());
}

TEST_F(PreDumpSignal, IsFollowedByTheDumpOnceTheTimeIsUp) {
    options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_DONE_FILE"] = "";
    options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_TIMEOUT"] = "1";
    const Target prepared({PREPARES_ON_SIGNAL, scratch("ready"), scratch("done")});
    wait_for_file(scratch("ready"));
    const CedanaRun run = dump(prepared, {"--progress", "json"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(fs::exists(scratch("done")));
    EXPECT_TRUE(holds(run.err, "waiting for process " + prepared.pid_text() + " to prepare on SIGUSR1, 1 s at most"));
}

TEST_F(PreDumpSignal, IsFollowedByTheDumpWhereNothingTellsWhatIsWritten) {
    // fanotify(7) needs CAP_SYS_ADMIN.
    write_script(scratch("confined"),
                 "#!/bin/sh\nexec setpriv --bounding-set=-sys_admin " + cedana_executable().string() + " \"$@\"\n");
    options.executable = scratch("confined");
    const Target prepared({PREPARES_ON_SIGNAL, scratch("ready"), scratch("done")});
    wait_for_file(scratch("ready"));
    const CedanaRun run = dump(prepared);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err,
                      "not all of the files that prepares_on_signal wrote when it was asked to prepare may be in "
                      "the checkpoint: the kernel does not tell which files a program writes (fanotify: "
                      "Operation not permitted)"));
}

// As every process of the tree: a restore or another dump is told who is at work.
TEST_F(PreDumpSignal, IsFollowedByALockOfWhatTheTargetForkedForIt) {
    const Target prepared({PREPARES_ON_SIGNAL, scratch("ready"), scratch("done"), folder()});
    wait_for_file(scratch("ready"));
    RunningCedana running = start_dump_up_to("mid-image", prepared);
    const std::string child = fs::path(only(names_in(folder(), ".child"))).stem();
    EXPECT_TRUE(fs::exists("/run/cedana/locks/" + prepared.pid_text() + ".lock"));
    EXPECT_TRUE(fs::exists("/run/cedana/locks/" + child + ".lock"));
    running.signal(SIGTERM);
    EXPECT_EQ(running.wait().exit_code, 130);
    EXPECT_FALSE(fs::exists("/run/cedana/locks/" + child + ".lock"));
}

TEST_F(PreDumpSignal, IsNotSentUnlessAskedFor) {
    options.environment.clear();
    options.environment["CEDANA_CRIU_PATH"] = criu();
    const Target prepared({PREPARES_ON_SIGNAL, scratch("ready"), scratch("done")});
    wait_for_file(scratch("ready"));
    EXPECT_EQ(dump(prepared).exit_code, 0);
    EXPECT_FALSE(fs::exists(scratch("done")));
}

} // namespace
} // namespace cedana::testing
