// SPDX-License-Identifier: Apache-2.0
// A copy that runs beside its original: restored into a pid namespace of its own.
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>

#include <spdlog/fmt/fmt.h>

#include "support/kept_folder.hpp"
#include "support/wait.hpp"
#include "system/moments.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class Beside : public System {
  protected:
    [[nodiscard]] CedanaRun restore_beside(const fs::path& zip) const {
        return run_cedana({"client", "restore", zip.string(), "--new-pidns"}, options);
    }
    // From here on restores have a state folder of their own, which is small, and full once CRIU is at `stage`.
    void fill_the_state_folder_at(const std::string& stage) {
        write_script(scratch("fill"), "#!/bin/sh\n[ \"$CRTOOLS_SCRIPT_ACTION\" = " + stage +
                                          " ] || exit 0\nhead -c 64M /dev/zero >/run/cedana/fill && exit 1\ntouch " +
                                          scratch("filled").string() + "\n");
        write_script(scratch("inner"), "#!/bin/sh\nset -e\nmount -t tmpfs -o size=16M,mode=0700 small /run/cedana\n"
                                       "exec " +
                                           cedana_executable().string() +
                                           " \"$@\" --criu-arg=--action-script=" + scratch("fill").string() + "\n");
        write_script(scratch("wrapped"), "#!/bin/sh\nexec unshare -m " + scratch("inner").string() + " \"$@\"\n");
        options.executable = scratch("wrapped");
    }
    static std::string status_line(pid_t pid, const std::string& key) {
        for (const std::string& line : split(read_file(fmt::format("/proc/{}/status", pid)), '\n'))
            if (line.starts_with(key))
                return line;
        return {};
    }
};

TEST_F(Beside, ACopyRunsUnderItsOldPidWhileTheOriginalRuns) {
    // Where it writes to is read at each step, so that original and copy can be told apart.
    const fs::path place = scratch("place");
    fs::create_directory(place);
    std::ofstream(place / "log-name") << "original";
    Target target({"/bin/bash", "-c",
                   "cd " + place.string() +
                       " && i=0; while :; do i=$((i + 1)); read -r log <log-name; echo $i >>$log; sleep 0.01; done"});
    wait_for_more_lines(place / "original", 20);
    const CedanaRun dumped = dump(target.pid(), {"--leave-running"});
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    const CedanaRun run = restore_beside(std::string(trim(dumped.out)));
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const auto copy = static_cast<pid_t>(std::stoi(run.out));
    EXPECT_NE(copy, target.pid());
    EXPECT_EQ(status_line(copy, "NSpid:"), fmt::format("NSpid:\t{}\t{}", copy, target.pid()));
    EXPECT_TRUE(target.runs());

    target.end();
    std::ofstream(place / "log-name") << "copy";
    const std::vector<std::string> lines = wait_for_more_lines(place / "copy", 20);
    EXPECT_TRUE(count_on_from(std::stoul(lines.at(0)), lines));
    ASSERT_EQ(::kill(copy, SIGKILL), 0);
    // Its init, which was left to us, ends after it.
    reap_all();
}

TEST_F(Beside, ARestoreThatFailsLeavesNothing) {
    const fs::path log = scratch("count");
    Target target({target_program("counter"), log, "1"});
    wait_for_more_lines(log, 20);
    const CedanaRun dumped = dump(target.pid(), {"--leave-running"});
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    options.environment["CRIU_FAULT"] = "2";
    EXPECT_EQ(restore_beside(std::string(trim(dumped.out))).exit_code, 7);
    EXPECT_EQ(own_children(), std::vector<pid_t>{target.pid()});
    EXPECT_TRUE(target.runs());
}

TEST_F(Beside, ACopyThatHasEndedBeforeCedanaLooksWasRestored) {
    Pipe input = make_pipe();
    ChildProcess original = ChildProcess::spawn(
        {.argv = {"/bin/cat"}, .fds = {{input.read_end.get(), 0}}, .cwd = "/", .session = Session::own});
    const CedanaRun dumped = dump(original.pid(), {"--leave-running"});
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    // The copy's input is at its end, and so the copy before CRIU is.
    write_script(scratch("criu"), "#!/bin/sh\ncriu \"$@\"\ncode=$?\n[ \"$1 $code\" = 'restore 0' ] || exit $code\n"
                                  "until grep -q '^State:.Z' /proc/$(cat root.pid)/status; do :; done\n");
    options.environment["CEDANA_CRIU_PATH"] = scratch("criu");
    const CedanaRun run =
        run_cedana({"client", "restore", only_line(dumped.out), "--new-pidns", "--foreground"}, options);
    EXPECT_EQ(run.exit_code, 0) << run.err;
}

// As others fill it, while CRIU lets the tree go.
TEST_F(Beside, ACopyRunsThoughNothingMoreCanBeWrittenInTheStateFolder) {
    Target target({"/bin/sleep", "infinity"});
    const CedanaRun dumped = dump(target.pid(), {"--leave-running"});
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    fill_the_state_folder_at("post-resume");
    const CedanaRun run = restore_beside(only_line(dumped.out));
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const auto copy = static_cast<pid_t>(std::stoi(run.out));
    EXPECT_EQ(status_line(copy, "NSpid:"), fmt::format("NSpid:\t{}\t{}", copy, target.pid()));
    EXPECT_TRUE(fs::exists(scratch("filled")));
    target.end();
    ASSERT_EQ(::kill(copy, SIGKILL), 0);
    reap_all();
}

// Another cedana removes a folder that nobody holds.
TEST_F(Beside, CriuHoldsTheFolderWhenCedanaIsKilled) {
    Target target({"/bin/sleep", "infinity"});
    const CedanaRun dumped = dump(target.pid(), {"--leave-running"});
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    const HeldCriu held(folder(), "post-restore");
    RunningCedana running({"client", "restore", only_line(dumped.out), "--new-pidns", held.argument()}, options,
                          folder());
    EXPECT_GT(held.wait(), 0);
    running.signal(SIGKILL);
    EXPECT_EQ(running.wait().exit_code, -1);
    const std::vector<std::string> look = {"check", "--clean", "-d", store()};
    const CedanaRun busy = run_cedana(look, options);
    EXPECT_TRUE(holds(busy.out, fmt::format("restore.{}.", running.pid()))) << busy.err;
    EXPECT_TRUE(holds(busy.out, "a dump or a restore is at work in it"));
    target.end();
    criu::kill_children();
    const CedanaRun over = run_cedana(look, options);
    EXPECT_TRUE(holds(over.out, "removed work folder         /run/cedana/restore." + std::to_string(running.pid())));
}

} // namespace
} // namespace cedana::testing
