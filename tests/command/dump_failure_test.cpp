// SPDX-License-Identifier: Apache-2.0
// Dumps that fail once CRIU runs.
#include "cedana/base/files.hpp"

#include <csignal>

#include "command/command_fixture.hpp"
#include "support/tmpfs.hpp"
#include "support/wait.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

// A log as CRIU 4.2 writes it: the noise of every failed log, and in it the cause.
constexpr const char* k_io_uring_log =
    "log (00.000100) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted\n"
    "log (00.000200) irmap: no irmap\n"
    "log (00.012345) Error (criu/proc_parse.c:502): Unknown shit 600 (anon_inode:[io_uring])\n"
    "log (00.012400) Error (criu/cr-dump.c:1975): Dump mappings (pid: 1) failed with -1\n"
    "log (00.020000) Error (criu/cr-dump.c:2128): Dumping FAILED.\n";

class FailedDump : public WithTarget {
  protected:
    // Removes the log that cedana keeps of a failure, and says whether it was there.
    static bool remove_kept_log(const CedanaRun& run) { return fs::remove(field_of(run.err, "log")); }
    [[nodiscard]] std::string only_checkpoint() const { return (store() / only(names_in(store(), ".zip"))).string(); }
};

TEST_F(FailedDump, IsExit6AndTheTargetRunsOn) {
    plan("at images fail");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 6);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(holds(run.err, "cannot dump process " + target.pid_text() + " (sleep)"));
    EXPECT_TRUE(holds(run.err, "the process runs on"));
    remove_kept_log(run);
}

TEST_F(FailedDump, LeavesNothingInTheFolder) {
    plan("at images fail");
    remove_kept_log(dump(target));
    EXPECT_TRUE(names_in(store()).empty());
}

TEST_F(FailedDump, TellsTheCauseAndWhatToDo) {
    plan(std::string(k_io_uring_log) + "at images fail");
    const CedanaRun run = dump(target);
    EXPECT_TRUE(holds(field_of(run.err, "cause"), "it has an io_uring instance open"));
    EXPECT_TRUE(holds(field_of(run.err, "cause"), "Unknown shit 600 (anon_inode:[io_uring])"));
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "UV_USE_IO_URING=0"));
    remove_kept_log(run);
}

TEST_F(FailedDump, ShowsCriusOwnLineWhenItsMeaningIsNotKnown) {
    plan("log (00.012345) Error (criu/new.c:1): Something that no one has seen\nat images fail");
    const CedanaRun run = dump(target);
    EXPECT_EQ(field_of(run.err, "cause"), "criu: \"Something that no one has seen\"");
    EXPECT_EQ(field_of(run.err, "hint"), "");
    remove_kept_log(run);
}

TEST_F(FailedDump, KeepsTheWholeLogWhereItSays) {
    plan(std::string(k_io_uring_log) + "at images fail");
    const CedanaRun run = dump(target);
    EXPECT_TRUE(holds(field_of(run.err, "log"), "dump-" + target.pid_text()));
    EXPECT_TRUE(holds(read_file(field_of(run.err, "log")), "irmap: no irmap"));
    EXPECT_TRUE(remove_kept_log(run));
}

TEST_F(FailedDump, NamesWhatWasUnderWay) {
    plan("at images fail");
    const CedanaRun run = dump(target);
    EXPECT_TRUE(holds(field_of(run.err, "while"), "checkpointing process " + target.pid_text()));
    EXPECT_TRUE(holds(field_of(run.err, "while"), store().string()));
    remove_kept_log(run);
}

TEST_F(FailedDump, LeavesTheTargetThatWasToStopRunning) {
    plan("at images fail");
    const CedanaRun run = dump(target, {"--stop"});
    EXPECT_EQ(run.exit_code, 6);
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(names_in(store()).empty());
    remove_kept_log(run);
}

TEST_F(FailedDump, IsExit6WhenCriuFailsBeforeItAsksForAnImage) {
    plan("at start fail");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 6);
    EXPECT_TRUE(names_in(store()).empty());
    remove_kept_log(run);
}

TEST_F(FailedDump, IsExit6WhenCriuFailsAfterTheImagesWereTaken) {
    plan("at post-dump fail");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 6);
    EXPECT_TRUE(names_in(store()).empty());
    remove_kept_log(run);
}

TEST_F(FailedDump, NamesTheCheckpointThatWasWholeWhenCriuCouldNotEndTheTarget) {
    plan("at post-dump fail");
    const CedanaRun run = dump(target, {"--stop"});
    EXPECT_EQ(run.exit_code, 6);
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(holds(field_of(run.err, "hint"), only(names_in(store(), ".zip"))));
    remove_kept_log(run);
}

TEST_F(FailedDump, IsExit10AndNamesTheCheckpointWhenCriuDiedWithTheTargetThatWasToStop) {
    plan("at post-dump die-with-tree");
    const CedanaRun run = dump(target, {"--stop"});
    EXPECT_EQ(run.exit_code, 10);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "process " + target.pid_text() + " (sleep) was killed by signal 9"));
    EXPECT_FALSE(holds(run.err, "runs on"));
    EXPECT_EQ(field_of(run.err, "hint"), "the checkpoint is whole: " + only_checkpoint());
    remove_kept_log(run);
}

TEST_F(FailedDump, NamesTheDescendantsThatOutliveATargetThatWasToStop) {
    adopt_orphans();
    const std::string file = scratch("child").string();
    const Target family(
        {"/bin/sh", "-c", "sleep infinity & echo $! >" + file + "+ && mv " + file + "+ " + file + "; wait"});
    wait_for_file(file);
    const Orphan child(std::stoi(read_file(file)));
    plan("at post-dump die-with-tree");
    const CedanaRun run = dump(family, {"--stop"});
    EXPECT_EQ(run.exit_code, 10);
    const std::string pid = std::to_string(child.pid());
    EXPECT_TRUE(holds(run.err, "was killed by signal 9 (Killed), and process " + pid + " ("));
    EXPECT_TRUE(holds(run.err, ") runs on"));
    EXPECT_TRUE(is_running(child.pid()));
    EXPECT_EQ(field_of(run.err, "hint"), "the checkpoint is whole: " + only_checkpoint() +
                                             "; end what runs on before you restore it: kill " + pid);
    remove_kept_log(run);
}

TEST_F(FailedDump, IsExit6WhenCriuEndsWellWithoutHavingFinished) {
    plan("at images succeed");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 6);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(names_in(store()).empty());
    remove_kept_log(run);
}

TEST_F(FailedDump, IsExit6WhenCriuEndsWellWithoutHavingStoppedTheTarget) {
    plan("at images succeed");
    const CedanaRun run = dump(target, {"--stop"});
    EXPECT_EQ(run.exit_code, 6);
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(names_in(store()).empty());
    remove_kept_log(run);
}

TEST_F(FailedDump, IsExit6WhenCriuIsKilledAndTheTargetLives) {
    plan("at mid-image die");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 6);
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(holds(run.err, "killed by signal 9"));
    EXPECT_TRUE(names_in(store()).empty());
    remove_kept_log(run);
}

TEST_F(FailedDump, IsExit10WhenTheTargetDiedWithCriu) {
    plan("at mid-image die-with-tree");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 10);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "the process ended during it"));
    EXPECT_TRUE(names_in(store()).empty());
    remove_kept_log(run);
}

TEST_F(FailedDump, IsExit130WhenInterruptedAndTheTargetRunsOn) {
    RunningCedana running = start_dump_up_to("mid-image", target);
    running.signal(SIGINT);
    const CedanaRun run = running.wait();
    EXPECT_EQ(run.exit_code, 130);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "runs on"));
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(names_in(store()).empty());
}

TEST_F(FailedDump, CancelsCriuByLeavingItNoRoomAndAwaitsItWhenInterrupted) {
    RunningCedana running = start_dump_up_to("mid-image", target);
    running.signal(SIGTERM);
    EXPECT_EQ(running.wait().exit_code, 130);
    EXPECT_TRUE(fs::exists(criu_file("cancelled")));
}

TEST_F(FailedDump, CancelsCriuByItsPipesAndAwaitsItWhenInterrupted) {
    stream_images();
    RunningCedana running = start_dump_up_to("mid-image", target);
    running.signal(SIGTERM);
    EXPECT_EQ(running.wait().exit_code, 130);
    EXPECT_TRUE(fs::exists(criu_file("cancelled")));
}

TEST_F(FailedDump, LetsTheTargetRunOnWhenCedanaIsKilled) {
    stream_images();
    RunningCedana running = start_dump_up_to("mid-image", target);
    running.signal(SIGKILL);
    EXPECT_EQ(running.wait().exit_code, -1);
    wait_for_file(criu_file("cancelled"));
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(names_in(store(), ".zip").empty());
}

TEST_F(FailedDump, IsCleanedUpByTheNextDumpWhenCedanaWasKilled) {
    stream_images();
    RunningCedana running = start_dump_up_to("mid-image", target);
    running.signal(SIGKILL);
    running.wait();
    wait_for_file(criu_file("cancelled"));
    const std::string left = only(names_in(store(), ".partial"));
    plan("");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_TRUE(holds(run.err, "removed " + (store() / left).string()));
    EXPECT_EQ(only(names_in(store())), fs::path(only_line(run.out)).filename());
}

TEST_F(FailedDump, IsExit6WhenTheTargetIsBeingDumpedAlready) {
    RunningCedana running = start_dump_up_to("mid-image", target);
    const CedanaRun second = dump(target);
    EXPECT_EQ(second.exit_code, 6);
    EXPECT_TRUE(holds(second.err, "is being checkpointed by cedana process " + std::to_string(running.pid())));
    running.signal(SIGINT);
    running.wait();
}

class DumpThatFillsTheDisk : public FailedDump {
  protected:
    void SetUp() override {
        FailedDump::SetUp();
        if (IsSkipped())
            return;
        // Enough to begin, and too little for the images, which do not compress.
        constexpr std::uint64_t k_bytes = 1024UL * 1024;
        if (!small_.mount(scratch("small"), k_bytes))
            GTEST_SKIP() << "needs to mount a file system, which is not permitted here";
    }
    [[nodiscard]] CedanaRun dump_there(const std::string& what_then) const {
        return cedana({"client", "dump", "-p", target.pid_text(), "-d", scratch("small"), what_then});
    }

  private:
    Tmpfs small_;
};

TEST_F(DumpThatFillsTheDisk, IsExit9AndTheTargetRunsOn) {
    const CedanaRun run = dump_there("--leave-running");
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "No space left on device"));
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(names_in(scratch("small")).empty());
}

TEST_F(DumpThatFillsTheDisk, LeavesTheTargetThatWasToStopRunning) {
    const CedanaRun run = dump_there("--stop");
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(names_in(scratch("small")).empty());
}

} // namespace
} // namespace cedana::testing
