// SPDX-License-Identifier: Apache-2.0
// Two cedanas that want the same tree, and a pid that changes hands while it is looked at.
#include "cedana/base/files.hpp"
#include "cedana/base/own_cgroup.hpp"

#include <csignal>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

#include "support/wait.hpp"
#include "system/moments.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class TwoAtOnce : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        wait_for_more_lines(log, k_steps);
    }
    void expect_undisturbed() { EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps))); }
    [[nodiscard]] fs::path folder_of(const std::string& name) const {
        fs::create_directories(scratch(name));
        return scratch(name);
    }

    const fs::path log = scratch("count");
    Target target{{target_program("counter"), log, "64"}};
};

TEST_F(TwoAtOnce, ASecondDumpIsRefusedAndTheFirstIsNotDisturbed) {
    const HeldCriu held(folder(), "post-dump");
    RunningCedana first(dump_arguments(target.pid(), {held.argument()}), options, folder_of("first"));
    static_cast<void>(held.wait());
    const CedanaRun second = dump(target.pid());
    EXPECT_EQ(second.exit_code, 6) << second.err;
    EXPECT_TRUE(holds(second.err,
                      fmt::format("process {} is being checkpointed by cedana process {}", target.pid(), first.pid())));
    held.let_go();
    EXPECT_EQ(first.wait().exit_code, 0);
    EXPECT_EQ(names_in(store()).size(), 1U);
    expect_undisturbed();
}

TEST_F(TwoAtOnce, ADumpOfATreeThatIsBeingRestoredIsRefusedAndTheTreeComesBack) {
    const fs::path zip = dump_and_stop(target);
    const HeldCriu held(folder(), "post-restore");
    RunningCedana restoring({"client", "restore", zip, held.argument()}, options, folder_of("restoring"));
    static_cast<void>(held.wait());
    const CedanaRun dumped = dump(target.pid());
    EXPECT_EQ(dumped.exit_code, 6) << dumped.err;
    EXPECT_TRUE(holds(dumped.err, "is being restored by cedana process"));
    held.let_go();
    EXPECT_EQ(restoring.wait().exit_code, 0);
    expect_undisturbed();
    EXPECT_EQ(names_in(store()), std::vector<std::string>{zip.filename()});
}

TEST_F(TwoAtOnce, OfTwoRestoresOneBringsTheTreeBackAndTheOtherIsRefused) {
    const fs::path zip = dump_and_stop(target);
    RunningCedana first({"client", "restore", zip}, options, folder_of("first"));
    RunningCedana second({"client", "restore", zip}, options, folder_of("second"));
    const CedanaRun a = first.wait();
    const CedanaRun b = second.wait();
    EXPECT_EQ(a.exit_code + b.exit_code, 7) << a.err << b.err;
    EXPECT_EQ(a.out + b.out, target.pid_text() + "\n");
    expect_undisturbed();
}

// A process that gets the pid of the target at a bad moment: it must run on, and nothing be published as the target's.
class PidReuse : public TwoAtOnce {
  protected:
    [[nodiscard]] std::string swap() const {
        return fmt::format("kill -9 {0}\n{1} {0} || exit 9\n", target.pid(), target_program("at_pid"));
    }
    CedanaRun run_while_the_target_ends(const std::vector<std::string>& more) {
        RunningCedana cedana(dump_arguments(target.pid(), more), options, folder_of("run"));
        // Reaped, its pid is free.
        EXPECT_EQ(target.wait_end().signal(), SIGKILL);
        return cedana.wait();
    }
    void expect_that_the_other_runs_on() const {
        EXPECT_TRUE(is_running(target.pid()));
        EXPECT_EQ(own_children(), std::vector<pid_t>{target.pid()});
        EXPECT_EQ(names_in(store()), std::vector<std::string>());
    }
};

TEST_F(PidReuse, BeforeCriuIsStartedIsNoticed) {
    write_script(scratch("hook"), "#!/bin/sh\n" + swap());
    options.environment["CEDANA_ACTION_SCRIPTS_PRE_DUMP"] = scratch("hook");
    const CedanaRun run = run_while_the_target_ends({"--stop"});
    EXPECT_EQ(run.exit_code, 3) << run.err;
    EXPECT_TRUE(holds(run.err, "ended before the dump began"));
    expect_that_the_other_runs_on();
}

TEST_F(PidReuse, WhenCriuHasBeenStartedIsNoticedBeforeAnythingIsStopped) {
    write_script(scratch("criu"), "#!/bin/sh\ncase $1 in dump | swrk)\n" + swap() + ";; esac\nexec criu \"$@\"\n");
    options.environment["CEDANA_CRIU_PATH"] = scratch("criu");
    const CedanaRun run = run_while_the_target_ends({"--stop"});
    EXPECT_EQ(run.exit_code, 3) << run.err;
    EXPECT_TRUE(holds(run.err, "another one has its pid now"));
    expect_that_the_other_runs_on();
}

// Started by the test, at the moment that CRIU begins: what is of others is no descendant of the restore.
TEST_F(PidReuse, AtARestoreLeavesTheOtherAloneAndRunsNothing) {
    const fs::path zip = dump_and_stop(target);
    const fs::path begun = scratch("begun");
    const fs::path taken = scratch("taken");
    write_script(scratch("criu"), fmt::format("#!/bin/sh\nif [ \"$1\" = restore ]; then\n: >{}\n"
                                              "until [ -e {} ]; do sleep 0.01; done\nfi\nexec criu \"$@\"\n",
                                              begun.string(), taken.string()));
    options.environment["CEDANA_CRIU_PATH"] = scratch("criu");
    RunningCedana restoring({"client", "restore", zip}, options, folder_of("run"));
    wait_for_file(begun);
    ChildProcess other = ChildProcess::spawn({.argv = {target_program("at_pid"), target.pid_text()}});
    EXPECT_TRUE(other.wait().success());
    write_text(taken, "");
    const CedanaRun run = restoring.wait();
    EXPECT_EQ(run.exit_code, 7) << run.err;
    EXPECT_TRUE(is_running(target.pid()));
    EXPECT_EQ(own_children(), std::vector<pid_t>{target.pid()});
}

class OwnGround : public TwoAtOnce {};

TEST_F(OwnGround, CriuHasASessionAndAControlGroupOfItsOwnDuringADump) {
    if (!criu::place_for_own_cgroup())
        cannot_run("control groups cannot be made here");
    const HeldCriu held(folder(), "post-dump");
    RunningCedana cedana(dump_arguments(target.pid(), {held.argument()}), options, folder_of("run"));
    const pid_t criu = held.wait();
    EXPECT_EQ(::getsid(criu), criu);
    const std::string groups = read_file(fmt::format("/proc/{}/cgroup", criu));
    EXPECT_TRUE(holds(groups, fmt::format("/cedana-criu.{}.", cedana.pid())));
    held.let_go();
    EXPECT_EQ(cedana.wait().exit_code, 0);
    for (const auto& hierarchy : fs::directory_iterator("/sys/fs/cgroup"))
        EXPECT_FALSE(has_group_of(hierarchy.path(), cedana.pid()));
    expect_undisturbed();
}

} // namespace
} // namespace cedana::testing
