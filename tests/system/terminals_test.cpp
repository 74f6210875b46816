// SPDX-License-Identifier: Apache-2.0
// Programs that people start from a shell, under tmux: dumped with no option, and brought back to a terminal or without
// one, by root and by sudo.
#include "cedana/base/files.hpp"
#include "cedana/roles/own_stdio.hpp"

#include <csignal>
#include <optional>

#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"
#include "system/terminal.hpp"
#include "system/tmux.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

// As root with a shell of their own, or with sudo, which gives the command a pseudo-terminal that ends with it
// (sudoers(5), use_pty: the default of Debian 12 and Ubuntu).
class Terminals : public System, public ::testing::WithParamInterface<By> {
  protected:
    void SetUp() override {
        System::SetUp();
        if (IsSkipped() || HasFatalFailure())
            return;
        require_program("/usr/bin/tmux", "tmux");
        if (!IsSkipped() && !HasFatalFailure() && GetParam() == By::sudo)
            require_sudo_with_own_terminals();
        if (!IsSkipped() && !HasFatalFailure())
            tmux.emplace(folder(), options.home);
    }
    void TearDown() override {
        tmux.reset();
        System::TearDown();
    }

    // The one program that the window's shell runs.
    [[nodiscard]] pid_t job() const {
        const std::vector<pid_t> jobs = children_of(tmux->pane());
        EXPECT_EQ(jobs.size(), 1U) << tmux->screen();
        return jobs.empty() ? -1 : jobs.front();
    }
    [[nodiscard]] fs::path dump_and_stop_job(pid_t pid, const std::string& sign_of_its_end = "Killed") const {
        const CedanaRun run = dump(pid, {"--stop"});
        EXPECT_EQ(run.exit_code, 0) << run.err;
        tmux->press("Enter");
        tmux->wait_for(sign_of_its_end);
        reap_all_but(tmux->server());
        return only_line(run.out);
    }
    // Of an editor in which one line was typed that its file does not have yet.
    [[nodiscard]] fs::path dump_of_vim(const fs::path& text) const {
        require_program("/usr/bin/vi", "vim-tiny");
        tmux->run("vi -u NONE -n " + text.string());
        tmux->wait_for("~");
        tmux->type("ifirst line");
        tmux->press("Escape");
        // It answers this only when it no longer takes keys for text.
        tmux->press("C-g");
        tmux->wait_for("[Modified]");
        return dump_and_stop_job(job());
    }
    void leave_vim() const {
        tmux->type(":wq");
        tmux->press("Enter");
        tmux->wait_for("code 0");
    }
    // `settings`: NAME=VALUE, for its environment.
    [[nodiscard]] std::string restore_command(const fs::path& zip, const std::string& more = "",
                                              const std::string& settings = "") const {
        return command_by(GetParam(), options, settings) + " client restore " + more + " " + zip.string();
    }
    void restore_in_foreground(const fs::path& zip) const {
        tmux->run(restore_command(zip, "--foreground") + "; echo code $?");
    }
    // Of a counter that the shell has restored.
    void expect_stopped_and_ended_by_keys() const {
        wait_for_more_lines(scratch("log"), k_few_steps);
        for (int i = 0; i < 2; ++i) {
            tmux->press("C-z");
            tmux->wait_for("Stopped");
            tmux->run("fg");
            wait_for_more_lines(scratch("log"), k_few_steps);
        }
        EXPECT_TRUE(count_on_from(1, lines_of(scratch("log"))));
        tmux->press("C-c");
        tmux->wait_for("ready>");
        tmux->type("echo code $?");
        tmux->press("Enter");
        tmux->wait_for("code 130");
    }
    // Counts in a log; descriptors 4 and 5 lead to it.
    [[nodiscard]] std::string loop_with_dev_tty() const {
        const fs::path path = scratch("loop");
        write_text(path, "exec 4<>/dev/tty 5</dev/tty\necho $((40 + 2)) opened\ni=0\n"
                         "while :; do i=$((i + 1)); echo $i; sleep 0.01; done >" +
                             scratch("log").string() + "\n");
        // bash forks; see AProgramInTheForegroundIsStoppedAndEndedByKeys.
        return "bash " + path.string();
    }
    // Counts on its standard output, slowly enough for the screen to be looked at, and in a log.
    [[nodiscard]] std::string loop_on_both() const {
        const fs::path path = scratch("loop");
        write_text(path, "i=0; while :; do i=$((i + 1)); echo line $i; echo $i >>" + scratch("log").string() +
                             "; sleep 0.05; done\n");
        return "sh " + path.string();
    }
    // Counts on its standard output.
    [[nodiscard]] std::string loop() const {
        const fs::path path = scratch("loop");
        write_text(path, "i=0; while :; do i=$((i + 1)); echo $i; sleep 0.01; done\n");
        return "sh " + path.string();
    }

    std::optional<Tmux> tmux;
};

TEST_P(Terminals, TopShowsAndTakesKeysAgain) {
    require_program("/usr/bin/top", "procps");
    tmux->run("top");
    tmux->wait_for("PID USER");
    const fs::path zip = dump_and_stop_job(job());
    restore_in_foreground(zip);
    tmux->wait_for("PID USER");
    tmux->type("h");
    tmux->wait_for("Help for Interactive Commands");
    // One key at a time: top drops what comes along with another.
    tmux->type("q");
    tmux->wait_for("PID USER");
    tmux->type("q");
    tmux->wait_for("code 0");
}

// Its failure is told, and the program keeps the keys until it ends; then the shell has them.
TEST_P(Terminals, TopTakesKeysAlthoughTheHookAfterTheRestoreFails) {
    require_program("/usr/bin/top", "procps");
    write_script(scratch("hook"), "#!/bin/sh\nexit 3\n");
    tmux->run("top");
    tmux->wait_for("PID USER");
    const fs::path zip = dump_and_stop_job(job());
    tmux->run(restore_command(zip, "--foreground", "CEDANA_ACTION_SCRIPTS_POST_RESTORE=" + scratch("hook").string()) +
              "; echo code $?");
    tmux->wait_for("PID USER");
    tmux->type("h");
    tmux->wait_for("Help for Interactive Commands");
    // One key at a time: top drops what comes along with another.
    tmux->type("q");
    tmux->wait_for("PID USER");
    tmux->type("q");
    tmux->wait_for("code 0");
    tmux->run("echo the shell has the keys | tr a-z A-Z");
    tmux->wait_for("THE SHELL HAS THE KEYS");
}

TEST_P(Terminals, VimRestoredLazilyInTheForegroundWritesItsText) {
    const fs::path text = scratch("text");
    const fs::path zip = dump_of_vim(text);
    tmux->run(restore_command(zip, "--lazy --foreground") + "; echo code $?");
    tmux->wait_for("first line");
    leave_vim();
    EXPECT_EQ(read_file(text), "first line\n");
}

TEST_P(Terminals, TopThatATmuxWindowRunsTakesKeysAgain) {
    require_program("/usr/bin/top", "procps");
    tmux->open_window("exec top");
    tmux->wait_for("PID USER");
    const fs::path zip = dump_and_stop_job(tmux->pane(), "ready>");
    tmux->open_window(restore_command(zip, "--foreground"));
    tmux->wait_for("PID USER");
    tmux->type("h");
    tmux->wait_for("Help for Interactive Commands");
    // One key at a time: top drops what comes along with another.
    tmux->type("q");
    tmux->wait_for("PID USER");
    tmux->type("q");
    tmux->wait_for("ready>");
}

TEST_P(Terminals, VimShowsItsTextAndWritesIt) {
    const fs::path text = scratch("text");
    const fs::path zip = dump_of_vim(text);
    restore_in_foreground(zip);
    tmux->wait_for("first line");
    tmux->type("osecond line");
    tmux->press("Escape");
    tmux->type(":wq");
    tmux->press("Enter");
    tmux->wait_for("code 0");
    EXPECT_EQ(read_file(text), "first line\nsecond line\n");
}

// No loop of dash: it starts programs by vfork(2), and a Ctrl-Z that comes just then stops the child before it is the
// program, while its parent waits in the kernel for that and never stops.
TEST_P(Terminals, AProgramInTheForegroundIsStoppedAndEndedByKeys) {
    tmux->run(target_program("counter") + " " + scratch("log").string() + " 1");
    wait_for_lines(scratch("log"), k_few_steps);
    restore_in_foreground(dump_and_stop_job(job()));
    expect_stopped_and_ended_by_keys();
}

// Its parent is pid 1 of its namespace, which alone is told that it has stopped.
TEST_P(Terminals, ACopyInTheForegroundIsStoppedAndEndedByKeys) {
    tmux->run(target_program("counter") + " " + scratch("log").string() + " 1");
    wait_for_lines(scratch("log"), k_few_steps);
    tmux->run(restore_command(dump_and_stop_job(job()), "--foreground --new-pidns"));
    expect_stopped_and_ended_by_keys();
}

// CRIU has the terminal's signals until the tree runs, and nobody would continue it.
TEST_P(Terminals, AKeyThatWouldStopItDoesNotHoldUpARestoreInTheForeground) {
    tmux->run(target_program("counter") + " " + scratch("log").string() + " 1");
    wait_for_lines(scratch("log"), k_few_steps);
    const fs::path zip = dump_and_stop_job(job());
    write_script(scratch("criu"), "#!/bin/sh\nif [ $1 = restore ]; then\n  touch " + scratch("begun").string() +
                                      "\n  while [ ! -e " + scratch("go").string() +
                                      " ]; do sleep 0.05; done\nfi\nexec criu \"$@\"\n");
    tmux->run(restore_command(zip, "--foreground", "CEDANA_CRIU_PATH=" + scratch("criu").string()));
    wait_for_file(scratch("begun"));
    tmux->press("C-z");
    tmux->wait_for("^Z");
    write_text(scratch("go"), "");
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(scratch("log"), k_few_steps)));
    tmux->press("C-c");
    tmux->wait_for("ready>");
}

TEST_P(Terminals, AProgramBesideAShellLeavesTheKeysToTheShell) {
    tmux->run(loop() + " >" + scratch("log").string() + " &");
    wait_for_lines(scratch("log"), k_few_steps);
    const fs::path zip = dump_and_stop_job(job());
    tmux->run(restore_command(zip) + "; echo code $?");
    tmux->wait_for("code 0");
    tmux->run("echo $((40 + 2)) keys");
    tmux->wait_for("42 keys");
    wait_for_more_lines(scratch("log"), k_few_steps);
    EXPECT_TRUE(count_on_from(1, lines_of(scratch("log"))));
}

TEST_P(Terminals, AProgramWithoutATerminalGoesOnInAFile) {
    tmux->run(loop());
    tmux->wait_for("20\n");
    const fs::path zip = dump_and_stop_job(job());
    const CedanaRun run = restore(zip);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const auto pid = static_cast<pid_t>(std::stoi(run.out));
    const std::vector<std::string> lines = wait_for_lines(default_output(zip), k_few_steps);
    EXPECT_TRUE(count_on_from(std::stoul(lines.at(0)), lines));
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    // Who holds its terminal, which was left to us, ends after it.
    reap_all_but(tmux->server());
}

TEST_P(Terminals, AProgramOutlivesTheTerminalOfItsRestore) {
    tmux->run(loop());
    tmux->wait_for("20\n");
    const fs::path zip = dump_and_stop_job(job());
    const fs::path output = scratch("output");
    tmux->run(restore_command(zip, "--stdio " + output.string()) + "; echo code $?");
    tmux->wait_for("code 0");
    tmux.reset();
    const std::vector<std::string> lines = wait_for_more_lines(output, k_few_steps);
    EXPECT_TRUE(count_on_from(std::stoul(lines.at(0)), lines));
}

// As Emacs and mc have it, and a debugger twice.
TEST_P(Terminals, AJobThatHasDevTtyOpenCountsOn) {
    tmux->run(loop_with_dev_tty());
    tmux->wait_for("42 opened");
    restore_in_foreground(dump_and_stop_job(job()));
    expect_stopped_and_ended_by_keys();
}

TEST_P(Terminals, ASuspendedJobThatHasDevTtyOpenGoesOnByFg) {
    tmux->run(loop_with_dev_tty());
    tmux->wait_for("42 opened");
    tmux->press("C-z");
    tmux->wait_for("Stopped");
    const fs::path zip = dump_and_stop_job(job());
    tmux->run(restore_command(zip, "--foreground") + "; echo came back with $?");
    tmux->wait_for("came back with 147");
    tmux->run("fg");
    wait_for_more_lines(scratch("log"), k_few_steps);
    EXPECT_TRUE(count_on_from(1, lines_of(scratch("log"))));
    tmux->press("C-c");
    tmux->wait_for("ready>");
    tmux->type("echo ended with $?");
    tmux->press("Enter");
    tmux->wait_for("ended with 130");
}

// The keys are those of the inner shell's job, not of the shell.
TEST_P(Terminals, TheJobOfAShellInAShellReadsOn) {
    write_text(scratch("reader"), "i=0; while ! read -t 0.02 word; do i=$((i + 1)); echo $i; done >" +
                                      scratch("log").string() + "; echo got $word\n");
    tmux->run("bash --norc -ic 'bash " + scratch("reader").string() + "; echo ended with $?'");
    wait_for_lines(scratch("log"), k_few_steps);
    restore_in_foreground(dump_and_stop_job(job()));
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(scratch("log"), k_few_steps)));
    tmux->type("it");
    tmux->press("Enter");
    tmux->wait_for("got it");
    tmux->wait_for("ended with 0");
    tmux->wait_for("code 0");
}

TEST_P(Terminals, ALeaderThatHasDevTtyOpenIsRefused) {
    tmux->open_window("exec " + loop_with_dev_tty());
    tmux->wait_for("42 opened");
    const CedanaRun run = dump(tmux->pane(), {"--stop"});
    EXPECT_EQ(run.exit_code, 6);
    EXPECT_TRUE(holds(run.err, "could not restore that below the leader of its session")) << run.err;
    EXPECT_TRUE(holds(run.err, "start it from a shell in that terminal")) << run.err;
}

TEST_P(Terminals, ALoopIntoTeeGoesOnIntoAnotherTee) {
    const fs::path file = scratch("file");
    tmux->run(loop() + " | tee " + file.string() + " >/dev/null; echo tee has ended");
    wait_for_lines(file, k_few_steps);
    const std::vector<pid_t> jobs = children_of(tmux->pane());
    ASSERT_EQ(jobs.size(), 2U);
    const fs::path zip = dump_and_stop_job(jobs.front(), "tee has ended\n");
    tmux->run(restore_command(zip, "--foreground") + " | tee -a " + file.string() + " >/dev/null");
    wait_for_more_lines(file, k_few_steps);
    tmux->press("C-c");
    tmux->wait_for("ready>");
    EXPECT_TRUE(count_on_from(1, lines_of(file)));
}

TEST_P(Terminals, ALoopBesideAShellShowsItsLinesAndTakesNoKeys) {
    tmux->run(loop_on_both());
    tmux->wait_for("line 20\n");
    const fs::path zip = dump_and_stop_job(job());
    tmux->run(restore_command(zip) + "; echo code $?");
    tmux->wait_for("code 0\n");
    tmux->run("echo $((40 + 2)) keys");
    tmux->wait_for("42 keys");
    tmux->wait_for("\nline ");
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(scratch("log"), k_few_steps)));
    // Nor does a key end it.
    tmux->press("C-c");
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(scratch("log"), k_few_steps)));
}

TEST_P(Terminals, ALoopWhosePipeLedToTeeShowsItsLinesBesideAShell) {
    tmux->run(loop_on_both() + " | tee " + scratch("file").string() + " >/dev/null; echo tee has ended");
    wait_for_lines(scratch("log"), k_few_steps);
    const std::vector<pid_t> jobs = children_of(tmux->pane());
    ASSERT_EQ(jobs.size(), 2U);
    const fs::path zip = dump_and_stop_job(jobs.front(), "tee has ended\n");
    tmux->run(restore_command(zip) + "; echo code $?");
    tmux->wait_for("code 0\n");
    tmux->run("echo $((40 + 2)) keys");
    tmux->wait_for("42 keys");
    tmux->wait_for("\nline ");
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(scratch("log"), k_few_steps)));
}

TEST_P(Terminals, ALoopBesideAShellOutlivesTheTerminal) {
    tmux->run(loop_on_both());
    tmux->wait_for("line 20\n");
    const fs::path zip = dump_and_stop_job(job());
    tmux->run(restore_command(zip) + "; echo code $?");
    tmux->wait_for("code 0\n");
    tmux.reset();
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(scratch("log"), k_few_steps)));
}

TEST_P(Terminals, VimComesBackInTheForegroundByItself) {
    const fs::path text = scratch("text");
    const fs::path zip = dump_of_vim(text);
    tmux->run(restore_command(zip) + "; echo code $?");
    tmux->wait_for("first line");
    leave_vim();
    EXPECT_EQ(read_file(text), "first line\n");
}

TEST_P(Terminals, TopDoesNotPaintOverAShellThatKeepsTheKeys) {
    require_program("/usr/bin/top", "procps");
    tmux->run("top");
    tmux->wait_for("PID USER");
    const fs::path zip = dump_and_stop_job(job());
    tmux->run(restore_command(zip, "--json") + " >" + scratch("json").string() + "; echo code $?");
    tmux->wait_for("code 0");
    tmux->run("echo $((40 + 2)) keys");
    const std::string screen = tmux->wait_for("42 keys");
    EXPECT_EQ(screen.find("PID USER"), std::string::npos) << screen;
    wait_for_file(default_output(zip));
}

// Its terminal has the number that sudo takes for the restore, and holds until that has ended.
TEST_P(Terminals, AnInnerTmuxComesBackWithItsTerminal) {
    const std::string inner = "tmux -f /dev/null -S " + scratch("inner").string();
    tmux->run(inner + " new-session -d -s inner 'exec bash --norc --noprofile'; " + inner +
              " display-message -p 'server #{pid}' >" + scratch("server").string() + "; echo started $?");
    tmux->wait_for("started 0");
    const pid_t server = std::stoi(read_file(scratch("server")).substr(7));
    const CedanaRun run = dump(server, {"--stop"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    reap_all_but(tmux->server());
    // The quotes, so that the line itself does not hold the word.
    const std::string restore = restore_command(only_line(run.out)) + "; echo code $?; " + inner +
                                " has-session -t inner; echo inner $? as''ked ";
    // Another number that is free may be the first one, and who is quicker than what keeps the number has it again.
    constexpr int k_most_refusals = 4;
    std::string screen;
    for (int i = 0; i <= k_most_refusals && !holds(screen, "inner 0"); ++i) {
        tmux->run(restore + std::to_string(i));
        screen = tmux->wait_for(" asked " + std::to_string(i));
        EXPECT_TRUE(holds(screen, "inner 0") || (GetParam() == By::sudo && holds(screen, "run it once more")))
            << screen;
    }
    EXPECT_TRUE(holds(screen, "code 0")) << screen;
    tmux->run(inner + " kill-server; echo ended $?");
    tmux->wait_for("ended 0");
}

INSTANTIATE_TEST_SUITE_P(By, Terminals, ::testing::Values(By::root, By::sudo),
                         [](const auto& by) { return name_of(by.param); });

} // namespace
} // namespace cedana::testing
