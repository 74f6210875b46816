// SPDX-License-Identifier: Apache-2.0
// action_scripts.*: the user's executables at the borders of a dump and a restore.
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"

#include <csignal>

#include <nlohmann/json.hpp>

#include <unistd.h>

#include "command/command_fixture.hpp"
#include "support/wait.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class Hooks : public WithTarget {
  protected:
    // A script that leaves its environment in STAGE.environment, and ends with `status`.
    void set_hook(const std::string& stage, int status = 0) {
        const fs::path script = scratch(stage);
        write_script(script, "#!/bin/sh\necho said by the hook\nenv > " + script.string() + ".environment\nexit " +
                                 std::to_string(status) + "\n");
        settings_["action_scripts"][stage] = script;
        write_text(config_file(), settings_.dump());
    }
    void set_hook_path(const std::string& stage, const std::string& path) {
        settings_["action_scripts"][stage] = path;
        write_text(config_file(), settings_.dump());
    }
    void set_timeout(int seconds) { settings_["action_scripts"]["timeout"] = seconds; }
    [[nodiscard]] std::string environment_of(const std::string& stage) const {
        return read_file(scratch(stage + ".environment"));
    }

  private:
    nlohmann::json settings_;
};

TEST_F(Hooks, GetThePidTheFolderAndTheStageBeforeADump) {
    set_hook("pre_dump");
    ASSERT_EQ(dump(target).exit_code, 0);
    EXPECT_TRUE(holds(environment_of("pre_dump"), "CEDANA_PID=" + target.pid_text() + "\n"));
    EXPECT_TRUE(holds(environment_of("pre_dump"), "CEDANA_CHECKPOINT=" + store().string() + "\n"));
    EXPECT_TRUE(holds(environment_of("pre_dump"), "CEDANA_STAGE=pre_dump\n"));
}

TEST_F(Hooks, GetTheCheckpointAfterADump) {
    set_hook("post_dump");
    const CedanaRun run = dump(target);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(environment_of("post_dump"), "CEDANA_PID=" + target.pid_text() + "\n"));
    EXPECT_TRUE(holds(environment_of("post_dump"), "CEDANA_CHECKPOINT=" + run.out));
    EXPECT_TRUE(holds(environment_of("post_dump"), "CEDANA_STAGE=post_dump\n"));
}

TEST_F(Hooks, GetTheCheckpointBeforeAndAfterARestore) {
    set_hook("pre_restore");
    set_hook("post_restore");
    const fs::path zip = checkpoint();
    const CedanaRun run = restore(zip);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
    EXPECT_TRUE(holds(environment_of("pre_restore"), "CEDANA_CHECKPOINT=" + zip.string() + "\n"));
    EXPECT_TRUE(holds(environment_of("pre_restore"), "CEDANA_STAGE=pre_restore\n"));
    EXPECT_TRUE(holds(environment_of("post_restore"), "CEDANA_CHECKPOINT=" + zip.string() + "\n"));
    EXPECT_TRUE(holds(environment_of("post_restore"), "CEDANA_PID=" + run.out));
}

// cedana raises its own (select(2) takes no descriptor above 1,023).
TEST_F(Hooks, HaveTheLimitOfDescriptorsThatCedanaWasStartedWith) {
    const fs::path script = scratch("hook");
    write_script(script, "#!/bin/sh\nulimit -Sn > " + scratch("limit").string() + "\n");
    set_hook_path("pre_dump", script);
    RunOptions in_shell = options;
    in_shell.executable = "/bin/sh";
    const std::string command = "ulimit -Sn 300 && exec " + cedana_executable().string() + " client dump -p " +
                                target.pid_text() + " -d " + store().string();
    const CedanaRun run = run_cedana({"-c", command}, in_shell);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(read_file(scratch("limit")), "300\n");
}

TEST_F(Hooks, SayWhatTheySayOnStandardError) {
    set_hook("pre_dump");
    const CedanaRun run = dump(target);
    EXPECT_TRUE(run.err.starts_with("said by the hook\n")) << run.err;
    EXPECT_TRUE(only_line(run.out).ends_with(".zip"));
}

TEST_F(Hooks, GetNothingOfTheCallersEnvironment) {
    set_hook("pre_dump");
    options.environment["LD_PRELOAD_SECRET"] = "caller";
    ASSERT_EQ(dump(target).exit_code, 0);
    EXPECT_FALSE(holds(environment_of("pre_dump"), "LD_PRELOAD_SECRET"));
}

TEST_F(Hooks, StopADumpByFailingBeforeIt) {
    set_hook("pre_dump", 3);
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "action_scripts.pre_dump (" + scratch("pre_dump").string() + ") exited with status 3"));
    EXPECT_TRUE(criu_runs("dump").empty());
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(names_in(store()).empty());
}

TEST_F(Hooks, StopARestoreByFailingBeforeIt) {
    const fs::path zip = checkpoint();
    set_hook("pre_restore", 3);
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(criu_runs("restore").empty());
}

TEST_F(Hooks, StopADumpWhenTheyAreMissing) {
    set_hook_path("pre_dump", scratch("missing"));
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, scratch("missing").string()));
    EXPECT_TRUE(criu_runs("dump").empty());
}

TEST_F(Hooks, StopADumpWhenTheirPathIsRelative) {
    set_hook_path("pre_dump", "pre_dump.sh");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "is not an absolute path"));
}

TEST_F(Hooks, NameTheCheckpointThatIsThereWhenTheyFailAfterADump) {
    set_hook("post_dump", 3);
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, (store() / only(names_in(store(), ".zip"))).string()));
}

TEST_F(Hooks, NameTheProcessThatRunsWhenTheyFailAfterARestore) {
    const fs::path zip = checkpoint();
    set_hook("post_restore", 3);
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 2);
    const Orphan restored(std::stoi(read_file(criu_file("child"))));
    EXPECT_TRUE(holds(run.err, "process " + std::to_string(restored.pid()) + " was restored and runs"));
}

TEST_F(Hooks, AfterARestoreCanDumpTheTree) {
    const fs::path zip = checkpoint();
    fs::create_directories(scratch("second"));
    write_script(scratch("again"), "#!/bin/sh\nHOME=" + home().string() + " CEDANA_CRIU_PATH=" + criu().string() +
                                       " exec " + cedana_executable().string() + " client dump -p $CEDANA_PID -d " +
                                       scratch("second").string() + "\n");
    set_hook_path("post_restore", scratch("again"));
    const CedanaRun run = restore(zip);
    const Orphan restored(std::stoi(read_file(criu_file("child"))));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(names_in(scratch("second"), ".zip").size(), 1U);
}

TEST_F(Hooks, ThatFailBesideAProgramInTheForegroundAreReportedAndItsExitCodeCounts) {
    const fs::path zip = checkpoint();
    set_hook("post_restore", 3);
    plan("child-ends 42");
    const CedanaRun run = restore(zip, {"--foreground"});
    EXPECT_EQ(run.exit_code, 42);
    EXPECT_TRUE(holds(run.err, "action_scripts.post_restore (" + scratch("post_restore").string() +
                                   ") exited with status 3; process " + read_file(criu_file("child")) +
                                   " was restored and runs"))
        << run.err;
}

// A hook that does not end by itself, and what becomes of it.
class EndlessHooks : public Hooks {
  protected:
    // It leaves its pid, and that of a child, in files that it makes when both run.
    void set_endless_hook(const std::string& stage, const std::string& first = "") {
        const fs::path script = scratch(stage);
        write_script(script, "#!/bin/sh\n" + first + "\nsleep 1000 &\necho $! >" + scratch("child").string() +
                                 "\necho $$ >" + scratch("pid.next").string() + "\nmv " + scratch("pid.next").string() +
                                 " " + scratch("pid").string() + "\nwait\nwait\n");
        set_hook_path(stage, script);
    }
    [[nodiscard]] pid_t pid_in(const std::string& name) const { return std::stoi(read_file(scratch(name))); }
    CedanaRun interrupted_in_hook(const std::vector<std::string>& arguments, int signal) const {
        RunningCedana running(arguments, options, folder());
        wait_for_file(scratch("pid"));
        running.signal(signal);
        return running.wait();
    }
    // The child has been killed by then, but may take a moment to end.
    void expect_ended() const {
        EXPECT_FALSE(is_running(pid_in("pid")));
        if (const auto child = open_pidfd(pid_in("child")))
            wait_for_end(*child);
    }
};

TEST_F(EndlessHooks, BeforeADumpAreEndedByAnInterruptAndNothingIsLeft) {
    set_endless_hook("pre_dump");
    const CedanaRun run = interrupted_in_hook({"client", "dump", "-p", target.pid_text(), "-d", store()}, SIGINT);
    EXPECT_EQ(run.exit_code, 130);
    EXPECT_TRUE(holds(run.err, "interrupted by Ctrl-C while action_scripts.pre_dump")) << run.err;
    expect_ended();
    EXPECT_TRUE(criu_runs("dump").empty());
    EXPECT_TRUE(names_in(store()).empty());
    EXPECT_TRUE(target.runs());
    EXPECT_FALSE(fs::exists("/run/cedana/locks/" + target.pid_text() + ".lock"));
}

TEST_F(EndlessHooks, AreEndedAlthoughTheyIgnoreSigterm) {
    set_endless_hook("pre_dump", "trap '' TERM");
    const CedanaRun run = interrupted_in_hook({"client", "dump", "-p", target.pid_text(), "-d", store()}, SIGTERM);
    EXPECT_EQ(run.exit_code, 130) << run.err;
    expect_ended();
}

TEST_F(EndlessHooks, AfterADumpLeaveTheCheckpointWhenTheyAreInterrupted) {
    set_endless_hook("post_dump");
    const CedanaRun run = interrupted_in_hook({"client", "dump", "-p", target.pid_text(), "-d", store()}, SIGTERM);
    EXPECT_EQ(run.exit_code, 130);
    expect_ended();
    const fs::path zip = store() / only(names_in(store(), ".zip"));
    EXPECT_TRUE(holds(run.err, "the checkpoint is whole: " + zip.string())) << run.err;
    EXPECT_EQ(cedana({"client", "inspect", zip}).exit_code, 0);
}

TEST_F(EndlessHooks, BeforeARestoreAreEndedByAnInterrupt) {
    const fs::path zip = checkpoint();
    set_endless_hook("pre_restore");
    const CedanaRun run = interrupted_in_hook({"client", "restore", zip}, SIGTERM);
    EXPECT_EQ(run.exit_code, 130) << run.err;
    expect_ended();
    EXPECT_TRUE(criu_runs("restore").empty());
}

TEST_F(EndlessHooks, AfterARestoreLeaveTheTreeWhenTheyAreInterrupted) {
    const fs::path zip = checkpoint();
    set_endless_hook("post_restore");
    const CedanaRun run = interrupted_in_hook({"client", "restore", zip}, SIGTERM);
    EXPECT_EQ(run.exit_code, 130);
    expect_ended();
    const Orphan restored(std::stoi(read_file(criu_file("child"))));
    EXPECT_TRUE(is_running(restored.pid()));
    EXPECT_TRUE(holds(run.err, "process " + std::to_string(restored.pid()) + " was restored and runs")) << run.err;
}

TEST_F(EndlessHooks, BesideAProgramInTheForegroundLeaveItTheSignal) {
    const fs::path zip = checkpoint();
    set_endless_hook("post_restore");
    const CedanaRun run = interrupted_in_hook({"client", "restore", zip, "--foreground"}, SIGTERM);
    EXPECT_EQ(run.exit_code, 128 + SIGTERM) << run.err;
    expect_ended();
    EXPECT_FALSE(is_running(std::stoi(read_file(criu_file("child")))));
}

TEST_F(EndlessHooks, HaveFailedAfterTheirTime) {
    set_timeout(1);
    set_endless_hook("pre_dump");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "action_scripts.pre_dump (" + scratch("pre_dump").string() + ") did not end within 1 s"))
        << run.err;
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "action_scripts.timeout")) << run.err;
    expect_ended();
    EXPECT_TRUE(criu_runs("dump").empty());
    EXPECT_TRUE(target.runs());
}

class HooksOfAUserBehindSudo : public Hooks {
  protected:
    void SetUp() override {
        Hooks::SetUp();
        options.environment["SUDO_USER"] = "nobody";
    }
    [[nodiscard]] fs::path users_file() const { return scratch("users.json"); }
    void write_users_file(uid_t owner) const {
        write_text(users_file(), R"({"action_scripts": {"pre_dump": "/opt/hook"}})");
        ASSERT_EQ(::chown(users_file().c_str(), owner, owner), 0);
    }
    [[nodiscard]] std::string shown_hook(const CedanaRun& run) const {
        return nlohmann::json::parse(run.out).at("action_scripts.pre_dump").at("value");
    }
};

TEST_F(HooksOfAUserBehindSudo, DoNotCountFromAFileOfTheUser) {
    write_users_file(k_nobody);
    const CedanaRun run = cedana({"config", "show", "--json", "--config", users_file()});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(shown_hook(run), "");
    EXPECT_TRUE(holds(run.err, "action_scripts.pre_dump is ignored"));
}

TEST_F(HooksOfAUserBehindSudo, CountFromAFileOfRoot) {
    write_users_file(0);
    const CedanaRun run = cedana({"config", "show", "--json", "--config", users_file()});
    EXPECT_EQ(shown_hook(run), "/opt/hook");
}

TEST_F(HooksOfAUserBehindSudo, DoNotCountFromTheEnvironment) {
    write_users_file(0);
    options.environment["CEDANA_ACTION_SCRIPTS_PRE_DUMP"] = "/tmp/evil";
    const CedanaRun run = cedana({"config", "show", "--json", "--config", users_file()});
    EXPECT_EQ(shown_hook(run), "/opt/hook");
    EXPECT_TRUE(holds(run.err, "CEDANA_ACTION_SCRIPTS_PRE_DUMP"));
}

} // namespace
} // namespace cedana::testing
