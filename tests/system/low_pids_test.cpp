// SPDX-License-Identifier: Apache-2.0
// Trees whose pids are the first ones of a pid namespace, which whatever restores them there would take itself.
#include "cedana/base/text.hpp"

#include <csignal>
#include <fstream>

#include <spdlog/fmt/fmt.h>

#include "support/kept_folder.hpp"
#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class LowPids : public System {
  protected:
    // A pid namespace with a /proc of its own, whose first process runs this in a shell.
    ChildProcess start_inside(const std::string& shell) const {
        return ChildProcess::spawn(
            {.argv = {"unshare", "--fork", "--kill-child", "--pid", "--mount-proc", "/bin/sh", "-c", shell},
             .cwd = "/",
             .session = Session::own});
    }
    // The second process of the namespace in which `member` is, from inside. It runs on: with it the first would end.
    CedanaRun dump_inside(pid_t member) {
        write_script(scratch("enter"), fmt::format("#!/bin/sh\nexec nsenter -t {} -p -m {} \"$@\"\n", member,
                                                   cedana_executable().string()));
        RunOptions inside = options;
        inside.executable = scratch("enter");
        return run_cedana(dump_arguments(2, {"--leave-running"}), inside);
    }
    static void end(ChildProcess space) {
        space.signal(SIGKILL);
        space.wait();
        reap_all();
    }

    const fs::path log = scratch("log");
    const std::string counter = target_program("counter") + " " + log.string() + " 1";
};

TEST_F(LowPids, OfAMemberAreRefusedFromOutsideWithTheWayIn) {
    ChildProcess space = start_inside("setsid " + counter + " & wait");
    wait_for_more_lines(log, 5);
    const pid_t init = only_child_of(space.pid());
    const pid_t outside = only_child_of(init);
    const CedanaRun run = dump(outside, {"--leave-running"});
    EXPECT_EQ(run.exit_code, 6) << run.err;
    EXPECT_TRUE(holds(run.err, fmt::format("nsenter -t {} -p -m cedana client dump -p 2", outside)));
}

TEST_F(LowPids, ComeBackInNewNamespacesAgainAndAgain) {
    ChildProcess space = start_inside("setsid " + counter + " & wait");
    wait_for_more_lines(log, 5);
    const CedanaRun dumped = dump_inside(only_child_of(space.pid()));
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    end(std::move(space));
    std::string checkpoint = only_line(dumped.out);
    for (int round = 0; round < 2; ++round) {
        const std::size_t lines = lines_of(log).size();
        const CedanaRun run = run_cedana({"client", "restore", checkpoint, "--new-pidns"}, options);
        ASSERT_EQ(run.exit_code, 0) << run.err;
        const auto copy = static_cast<pid_t>(std::stoi(run.out));
        wait_for_lines(log, lines + 5);
        const CedanaRun again = dump_inside(copy);
        ASSERT_EQ(again.exit_code, 0) << again.err;
        checkpoint = only_line(again.out);
        ASSERT_EQ(::kill(copy, SIGKILL), 0);
        reap_all();
    }
}

TEST_F(LowPids, ThatCedanaItselfHasAreRefusedWithHigherOnesToTake) {
    ChildProcess space = start_inside("setsid " + counter + " & wait");
    wait_for_more_lines(log, 5);
    const CedanaRun dumped = dump_inside(only_child_of(space.pid()));
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    end(std::move(space));
    RunOptions inside = options;
    write_script(scratch("inside"), "#!/bin/sh\nexec unshare --fork --kill-child --pid --mount-proc /bin/sh -c '" +
                                        cedana_executable().string() +
                                        " \"$@\"; [ $? = 7 ] && echo 299 >/proc/sys/kernel/ns_last_pid && " +
                                        cedana_executable().string() + " \"$@\" && exit 42' sh \"$@\"\n");
    inside.executable = scratch("inside");
    const CedanaRun run = run_cedana({"client", "restore", only_line(dumped.out)}, inside);
    EXPECT_EQ(run.exit_code, 42) << run.err;
    EXPECT_TRUE(holds(run.err, "pid 2 is taken by this command itself"));
    EXPECT_TRUE(holds(run.err, "echo 299 >/proc/sys/kernel/ns_last_pid"));
}

} // namespace
} // namespace cedana::testing
