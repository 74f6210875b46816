// SPDX-License-Identifier: Apache-2.0
// Pipes that lead out of a tree: what was in them at the dump is neither lost nor there twice.
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <csignal>
#include <fstream>

#include <fcntl.h>

#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class Pipes : public System {
  protected:
    // As a Target, with these descriptors.
    static ChildProcess start(const std::string& script, std::vector<std::pair<int, int>> fds) {
        return ChildProcess::spawn(
            {.argv = {"/bin/bash", "-c", script}, .fds = std::move(fds), .cwd = "/", .session = Session::own});
    }
    // With its standard input from this file.
    void restore_reading(const fs::path& zip, const fs::path& input) const {
        const Captured run = run_captured(
            {.argv = {"/bin/sh", "-c", R"(exec "$0" client restore "$1" <"$2")", cedana_executable(), zip, input},
             .env = std::vector<std::string>{"HOME=" + options.home.string()}},
            options.limit);
        EXPECT_TRUE(run.status.success()) << run.err;
    }
    // Reads a line, and all the rest once the file "go" is there.
    [[nodiscard]] std::string reader() const {
        return "cd " + folder().string() +
               " && read -r line && echo $line >log; until [ -e go ]; do sleep 0.02; done; cat >>log; echo end >>log";
    }
    // Others may end meanwhile.
    static bool is_copier(pid_t pid) {
        std::ifstream comm("/proc/" + std::to_string(pid) + "/comm");
        std::string name;
        return std::getline(comm, name) && name == "cedana-copier";
    }
    void let_read_on() const { std::ofstream(folder() / "go") << "go"; }

    Pipe pipe = make_pipe();
};

TEST_F(Pipes, WhatWasNotReadYetIsReadAfterARestore) {
    write_all(pipe.write_end.get(), "first\nsecond\nthird\n", "a pipe");
    ChildProcess child = start(reader(), {{pipe.read_end.get(), 0}});
    wait_for_lines(folder() / "log", 1);
    const fs::path zip = dump_and_stop(child);
    const CedanaRun run = restore(zip);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    let_read_on();
    wait_for_text(folder() / "log", "end\n");
    EXPECT_EQ(lines_of(folder() / "log"), (std::vector<std::string>{"first", "second", "third", "end"}));
}

TEST_F(Pipes, WhatTheRestoreIsGivenComesAfterWhatWasNotReadYet) {
    write_all(pipe.write_end.get(), "first\nsecond\n", "a pipe");
    ChildProcess child = start(reader(), {{pipe.read_end.get(), 0}});
    wait_for_lines(folder() / "log", 1);
    const fs::path zip = dump_and_stop(child);
    write_text(scratch("more"), "third\nfourth\n");
    restore_reading(zip, scratch("more"));
    let_read_on();
    wait_for_text(folder() / "log", "end\n");
    EXPECT_EQ(lines_of(folder() / "log"), (std::vector<std::string>{"first", "second", "third", "fourth", "end"}));
}

TEST_F(Pipes, WhatTheReaderOutsideHadNotReadIsItsOwnAndDoesNotComeAgain) {
    // Nobody reads until the program has gone.
    ChildProcess child =
        start("cd " + folder().string() +
                  " && i=0; while :; do i=$((i + 1)); echo $i; [ $i -lt 50 ] || : >>log; sleep 0.01; done",
              {{pipe.write_end.get(), 1}});
    pipe.write_end.reset();
    wait_for_file(folder() / "log");
    const fs::path zip = dump_and_stop(child);
    std::string before = read_all(pipe.read_end.get(), "a pipe", 1 << 20);
    const CedanaRun run = run_cedana({"client", "restore", zip, "--stdio", scratch("output")}, options);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.err, "");
    wait_for_lines(scratch("output"), k_steps);
    const std::string all = before + read_file(scratch("output"));
    EXPECT_TRUE(count_on_from(1, split(trim(all.substr(0, all.rfind('\n'))), '\n')));
}

TEST_F(Pipes, OutputOfALazyRestoreGoesToTheNamedFile) {
    ChildProcess child = start("i=0; while :; do i=$((i + 1)); echo $i; sleep 0.01; done", {{pipe.write_end.get(), 1}});
    const fs::path zip = dump_and_stop(child);
    const CedanaRun run = run_cedana({"client", "restore", "--lazy", zip, "--stdio", scratch("output")}, options);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const std::vector<std::string> lines = wait_for_lines(scratch("output"), k_steps);
    EXPECT_TRUE(count_on_from(std::stoul(lines.at(0)), lines));
}

TEST_F(Pipes, ACopyBesideTheOriginalWritesToAFileOfItsOwn) {
    ChildProcess child = start("i=0; while :; do i=$((i + 1)); echo $i; sleep 0.01; done", {{pipe.write_end.get(), 1}});
    const CedanaRun dumped = dump(child.pid(), {"--leave-running"});
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    const CedanaRun run =
        run_cedana({"client", "restore", only_line(dumped.out), "--new-pidns", "--stdio", scratch("output")}, options);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const std::vector<std::string> lines = wait_for_lines(scratch("output"), k_steps);
    EXPECT_TRUE(count_on_from(std::stoul(lines.at(0)), lines));
}

TEST_F(Pipes, AProgramWhoseOutputIsReadToTheEndByAShellDoesNotHoldThatUp) {
    ChildProcess child = start("while :; do echo x; sleep 0.1; done", {{pipe.write_end.get(), 1}});
    const fs::path zip = dump_and_stop(child);
    // Returns when everybody who has its output open is gone.
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(is_running(static_cast<pid_t>(std::stoi(run.out))));
}

// As a shell takes it that reads the file afterwards.
TEST_F(Pipes, TheLastOutputIsInItsFileWhenACommandInTheForegroundEnds) {
    ChildProcess child = start("cd " + folder().string() + " && : >up; until [ -e go ]; do sleep 0.02; done; seq 5000",
                               {{pipe.write_end.get(), 1}});
    pipe.write_end.reset();
    wait_for_file(folder() / "up");
    const fs::path zip = dump_and_stop(child);
    write_script(scratch("hook"), "#!/bin/sh\n: >" + scratch("runs").string() + "\n");
    options.environment["CEDANA_ACTION_SCRIPTS_POST_RESTORE"] = scratch("hook");
    RunningCedana running({"client", "restore", zip, "--foreground"}, options, folder());
    wait_for_file(scratch("runs"));
    std::vector<pid_t> of_cedana = children_of(running.pid());
    ASSERT_EQ(std::erase(of_cedana, child.pid()), 1U);
    std::erase_if(of_cedana, [](pid_t pid) { return !is_copier(pid); });
    ASSERT_EQ(of_cedana.size(), 1U);
    const pid_t copier = of_cedana.front();
    const auto cedana = open_pidfd(running.pid());
    const auto root = open_pidfd(child.pid());
    ASSERT_TRUE(cedana && root);
    ::kill(copier, SIGSTOP);
    let_read_on();
    wait_for_end(*root);
    EXPECT_FALSE(ends_within(*cedana, std::chrono::milliseconds(300)));
    ::kill(copier, SIGCONT);
    const CedanaRun run = running.wait();
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(split(trim(run.out), '\n').size(), 5000U);
}

} // namespace
} // namespace cedana::testing
