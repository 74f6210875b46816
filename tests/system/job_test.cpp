// SPDX-License-Identifier: Apache-2.0
// `cedana client run`: a job that goes on. Its program counts into a file and to its output.
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <set>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "support/kept_folder.hpp"
#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"
#include "system/terminal.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Job : public System {
  protected:
    Job() { fs::create_directory(scratch("messages")); }

    // `client run` of the job `j`.
    [[nodiscard]] std::vector<std::string> run_words(const std::vector<std::string>& more) const {
        std::vector<std::string> words = {"client", "run", "--job", "j", "-d", store()};
        words.insert(words.end(), more.begin(), more.end());
        return words;
    }
    [[nodiscard]] std::vector<std::string> counting(const std::vector<std::string>& more = {}) const {
        std::vector<std::string> words = run_words(more);
        words.insert(words.end(), {"--", target_program("counter"), log, "1"});
        return words;
    }
    RunningCedana start(const std::vector<std::string>& words) const {
        return RunningCedana(words, options, scratch("messages"));
    }
    CedanaRun ask(const std::string& command, const std::vector<std::string>& more = {}) const {
        std::vector<std::string> words = {"client", command, "j", "-d", store()};
        words.insert(words.end(), more.begin(), more.end());
        return run_cedana(words, options);
    }
    Json seen() const { return Json::parse(ask("ps", {"--json"}).out).at("jobs").at(0); }
    [[nodiscard]] std::vector<std::string> checkpoints() const { return names_in(store() / "j", ".zip"); }
    // Nothing is missing and nothing is there twice.
    void expect_unbroken() const { EXPECT_TRUE(count_on_from(1, lines_of(log))); }

    const fs::path log = scratch("log");
};

TEST_F(Job, EndsAsItsProgramEnds) {
    const CedanaRun run = run_cedana(
        run_words({"--metrics", scratch("none") / "metrics", "--", "/bin/sh", "-c", "echo said; exit 3"}), options);
    EXPECT_EQ(run.exit_code, 3) << run.err;
    EXPECT_EQ(run.out, "said\n");
    const std::size_t warned = run.err.find("the metrics could not be written");
    EXPECT_NE(warned, std::string::npos);
    EXPECT_EQ(run.err.find("the metrics", warned + 1), std::string::npos) << run.err;
    EXPECT_EQ(seen().at("state"), "ended");
}

TEST_F(Job, TellsWhatHappensAsLinesAndInTheFolderForMetrics) {
    fs::create_directory(scratch("metrics"));
    options.environment["CEDANA_METRICS_TEXTFILE_DIR"] = scratch("metrics");
    const CedanaRun run = run_cedana(run_words({"--json", "--", "/bin/true"}), options);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    for (const std::string& line : split(trim(run.err), '\n'))
        for (const char* field : {"time", "job", "event", "epoch"})
            EXPECT_TRUE(Json::parse(line).contains(field)) << line;
    EXPECT_EQ(only(names_in(scratch("metrics"))), "cedana-job-j.prom");
    EXPECT_TRUE(holds(read_file(scratch("metrics") / "cedana-job-j.prom"), "{job=\"j\",state=\"done\"} 1\n"));
}

TEST_F(Job, PassesOnTheProgressOfItsDumpsAndRestores) {
    for (int round = 0; round < 2; ++round) {
        RunningCedana running = start(counting({"--json"}));
        wait_for_text(running.messages(), "running");
        wait_for_more_lines(log, 5);
        running.signal(SIGTERM);
        const CedanaRun run = running.wait();
        std::set<std::string> phases;
        for (const std::string& line : split(trim(run.err), '\n'))
            if (const Json json = Json::parse(line); json.at("event") == "progress")
                phases.insert(json.at("phase"));
        EXPECT_TRUE(phases.contains("dumping")) << run.err;
        EXPECT_EQ(phases.contains("restoring"), round == 1) << run.err;
    }
}

TEST_F(Job, TellsTheServiceManagerHowItIs) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string path = scratch("notify");
    std::ranges::copy(path, static_cast<char*>(address.sun_path));
    const UniqueFd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ASSERT_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    options.environment["NOTIFY_SOCKET"] = path;
    options.environment["WATCHDOG_USEC"] = "1000000";
    RunningCedana running = start(counting());
    wait_for_more_lines(log, 20);
    running.signal(SIGTERM);
    EXPECT_EQ(running.wait().exit_code, 85);
    std::string told;
    std::array<char, 4096> buffer;
    for (ssize_t size = 0; (size = ::recv(manager.get(), buffer.data(), buffer.size(), 0)) > 0;)
        told += std::string(buffer.data(), static_cast<std::size_t>(size)) + "\n";
    for (const char* word : {"READY=1\nSTATUS=started", "WATCHDOG=1", "EXTEND_TIMEOUT_USEC=", "STATUS=checkpointed"})
        EXPECT_TRUE(holds(told, word));
}

// What was mistyped is not in the way of what was meant.
TEST_F(Job, ThatCannotBeStartedSaysWhyAndLeavesItsName) {
    const CedanaRun wrong = run_cedana(run_words({"--interval", "7", "--", "/bin/true"}), options);
    EXPECT_EQ(wrong.exit_code, 2);
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
    const CedanaRun run = run_cedana(run_words({"--", "/nowhere"}), options);
    EXPECT_EQ(run.exit_code, 5);
    EXPECT_TRUE(holds(run.err, "cannot execute /nowhere"));
    EXPECT_EQ(run_cedana(run_words({"--", "/bin/true"}), options).exit_code, 0);
    EXPECT_EQ(run_cedana(run_words({"--", "/nowhere"}), options).exit_code, 2);
}

TEST_F(Job, GoesOnAgainAndAgainAfterStopSignals) {
    for (int round = 0; round < 3; ++round) {
        RunningCedana running = start(counting());
        wait_for_more_lines(log, 20);
        running.signal(SIGTERM);
        const CedanaRun run = running.wait();
        EXPECT_EQ(run.exit_code, 85) << run.err;
        EXPECT_EQ(seen().at("state"), "checkpointed");
    }
    EXPECT_EQ(checkpoints().size(), 3U);
    expect_unbroken();
}

TEST_F(Job, IsCheckpointedAndStoppedByOrder) {
    RunningCedana running = start(counting());
    wait_for_more_lines(log, 10);
    // What somebody has removed is made anew.
    for (const char* name : {"commands", "staging"})
        fs::remove(store() / "j" / name);
    const CedanaRun made = ask("checkpoint", {"--json"});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    EXPECT_TRUE(fs::exists(Json::parse(made.out).at("checkpoint").get<std::string>()));
    wait_for_more_lines(log, 10);
    const CedanaRun stopped = ask("stop");
    EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
    EXPECT_TRUE(fs::exists(only_line(stopped.out)));
    EXPECT_EQ(running.wait().exit_code, 85);
    EXPECT_EQ(seen().at("state"), "stopped");
    EXPECT_EQ(checkpoints().size(), 2U);
    EXPECT_EQ(ask("checkpoint").exit_code, 3);
    EXPECT_TRUE(holds(ask("history").out, "stopped, goes on with the next run"));
}

// Each dump of it fails.
TEST_F(Job, ThatEndsWithoutANewCheckpointSaysWhatTheNextRunGoesOnFrom) {
    const fs::path staging = store() / "j" / "staging";
    RunningCedana first = start(counting());
    wait_for_more_lines(log, k_few_steps);
    fs::remove(staging);
    write_text(staging, "");
    first.signal(SIGTERM);
    const CedanaRun none = first.wait();
    EXPECT_EQ(none.exit_code, 128 + SIGTERM);
    EXPECT_TRUE(holds(none.err, "was ended by SIGTERM, without a new checkpoint: the next run starts it anew"));

    fs::remove(staging);
    RunningCedana second = start(counting());
    wait_for_more_lines(log, k_few_steps);
    const std::string old = only_line(ask("checkpoint").out);
    fs::remove(staging);
    write_text(staging, "");
    const CedanaRun refused = ask("checkpoint");
    EXPECT_EQ(refused.exit_code, 6);
    EXPECT_TRUE(holds(refused.err, "its last one is " + old));
    const CedanaRun stopped = ask("stop", {"--json"});
    EXPECT_EQ(stopped.exit_code, 10);
    EXPECT_TRUE(holds(Json::parse(stopped.out).at("hint"), "the next run goes on from " + old));
    EXPECT_TRUE(holds(second.wait().err, "stopped, without a new checkpoint: the next run goes on from"));
    EXPECT_EQ(seen().at("goes_on_from"), fs::path(old).filename().string());
    EXPECT_TRUE(holds(ask("ps").out, "ago, 3 failed"));
}

TEST_F(Job, ThatWaitsToBeBroughtBackSaysSo) {
    RunningCedana running = start(run_words({"--backoff", "100s", "--", "/bin/sh", "-c", "kill -SEGV $$"}));
    wait_for_text(running.messages(), "brought back in");
    const CedanaRun refused = ask("checkpoint");
    EXPECT_EQ(refused.exit_code, 3);
    EXPECT_TRUE(holds(refused.err, "is brought back at " + seen().at("next").get<std::string>()));
    EXPECT_EQ(only_line(ask("stop").out), "stopped");
    EXPECT_EQ(running.wait().exit_code, 128 + SIGTERM);
    EXPECT_TRUE(seen().at("outcome").is_null());
}

// As its program ends while a dump of it begins.
TEST_F(Job, ThatEndsBesideACheckpointIsNotSaidToRunOn) {
    const std::string end = scratch("end");
    write_script(scratch("hook"),
                 fmt::format("#!/bin/sh\n: >{}\nwhile kill -0 $CEDANA_PID 2>/dev/null; do sleep 0.01; done\n", end));
    options.environment["CEDANA_ACTION_SCRIPTS_PRE_DUMP"] = scratch("hook");
    RunningCedana running =
        start(run_words({"--", "/bin/sh", "-c", "until [ -e " + end + " ]; do sleep 0.02; done; exit 4"}));
    wait_for_text(running.messages(), "started");
    const CedanaRun stopped = ask("stop");
    EXPECT_EQ(stopped.exit_code, 3);
    EXPECT_TRUE(holds(stopped.err, "its program ended by itself (4) before one was made"));
    const CedanaRun run = running.wait();
    EXPECT_EQ(run.exit_code, 4);
    EXPECT_TRUE(holds(run.err, "no checkpoint: the program ended before it was made\n"));
}

// As nohup(1) has it, and a shell a job in the background; and a terminal stops what does not take its signals.
TEST_F(Job, IsNotEndedByAHangUpThatIsIgnoredNorStoppedByAKey) {
    write_script(scratch("nohup"),
                 fmt::format("#!/bin/sh\ntrap '' HUP\nexec {} \"$@\"\n", cedana_executable().string()));
    options.executable = scratch("nohup");
    RunningCedana running = start(run_words({"--stop-signals", "USR1", "--", "/bin/sleep", "infinity"}));
    wait_for_text(running.messages(), "started");
    running.signal(SIGHUP);
    running.signal(SIGTSTP);
    wait_for_text(running.messages(), "it cannot be suspended");
    running.signal(SIGTERM);
    EXPECT_EQ(running.wait().exit_code, 128 + SIGTERM);
}

TEST_F(Job, RunsOnce) {
    RunningCedana running = start(counting());
    wait_for_more_lines(log, 5);
    const CedanaRun second = run_cedana(counting(), options);
    EXPECT_EQ(second.exit_code, 75);
    EXPECT_TRUE(holds(second.err, fmt::format("(supervisor {})", running.pid())));
    EXPECT_EQ(Json::parse(run_cedana(counting({"--json"}), options).err).at("event"), "runs_elsewhere");
    const CedanaRun other = run_cedana(run_words({"--", "/bin/true"}), options);
    EXPECT_EQ(other.exit_code, 2);
    EXPECT_TRUE(holds(other.err, "runs another command"));
    running.signal(SIGTERM);
    running.wait();
}

TEST_F(Job, OfASupervisorThatWasKilledIsFoundAgain) {
    RunningCedana killed = start(counting());
    wait_for_text(killed.messages(), "started");
    wait_for_more_lines(log, 10);
    const Json before = seen();
    killed.signal(SIGKILL);
    killed.wait();
    RunningCedana running = start(run_words({}));
    wait_for_text(running.messages(), "found running");
    EXPECT_EQ(seen().at("pid"), before.at("pid"));
    wait_for_more_lines(log, 10);
    running.signal(SIGTERM);
    EXPECT_EQ(running.wait().exit_code, 85);
    expect_unbroken();
}

// Between its ends it goes back to its last checkpoint, and with it what it wrote.
TEST_F(Job, ThatIsKilledIsBroughtBackFromItsCheckpoint) {
    RunningCedana running = start(counting({"--backoff", "0"}));
    wait_for_more_lines(log, 20);
    ASSERT_EQ(ask("checkpoint").exit_code, 0);
    wait_for_more_lines(log, 20);
    ASSERT_EQ(::kill(seen().at("pid").get<pid_t>(), SIGKILL), 0);
    wait_for_text(running.messages(), "goes on from");
    wait_for_more_lines(log, 20);
    running.signal(SIGTERM);
    EXPECT_EQ(running.wait().exit_code, 85);
    expect_unbroken();
}

// One that lives until a file is there, which its newest checkpoint has not seen.
TEST_F(Job, GoesBackBehindACheckpointThatAlwaysCrashes) {
    write_script(scratch("program"), fmt::format("#!/bin/sh\nn=0\nwhile :; do n=$((n+1)); echo $n >>{}\n"
                                                 "[ -e {} ] && [ $n -gt 1000000 ] && kill -SEGV $$\n"
                                                 "[ -e {} ] && n=2000000; sleep 0.02; done\n",
                                                 log.string(), scratch("crash").string(), scratch("poison").string()));
    RunningCedana running = start(run_words({"--backoff", "0", "--", scratch("program")}));
    wait_for_more_lines(log, 5);
    ASSERT_EQ(ask("checkpoint").exit_code, 0);
    std::ofstream(scratch("poison")) << "now";
    wait_for_text(log, "2000001");
    ASSERT_EQ(ask("checkpoint").exit_code, 0);
    fs::remove(scratch("poison"));
    std::ofstream(scratch("crash")) << "now";
    const std::string first = checkpoints().front();
    wait_for_text(running.messages(), "goes on from " + first);
    const Json job = seen();
    EXPECT_EQ(job.at("restarts"), 3);
    EXPECT_EQ(job.at("restored_from"), first);
    running.signal(SIGTERM);
    EXPECT_EQ(running.wait().exit_code, 85);
}

TEST_F(Job, ThatCrashesTooOftenFailsWithItsOwnCode) {
    const CedanaRun run = run_cedana(
        run_words({"--backoff", "0", "--max-restarts", "2", "--", "/bin/sh", "-c", "echo x; kill -SEGV $$"}), options);
    EXPECT_EQ(run.exit_code, 128 + SIGSEGV);
    EXPECT_EQ(run.out, "x\nx\nx\n");
    EXPECT_EQ(seen().at("state"), "failed");
    // Beside one that cannot be understood it is listed all the same.
    write_text(store() / "i" / "job.json", "{");
    EXPECT_TRUE(holds(run_cedana({"client", "ps", "-d", store()}, options).out, "failed"));
    EXPECT_EQ(run_cedana({"client", "ps", "i", "-d", store()}, options).exit_code, 8);
}

TEST_F(Job, SaysThatWhatItsProgramLeavesIsEndedWithIt) {
    const CedanaRun run =
        run_cedana(run_words({"--", "/bin/sh", "-c", "sleep infinity >/dev/null 2>&1 & exit 4"}), options);
    EXPECT_EQ(run.exit_code, 4);
    EXPECT_TRUE(holds(run.err, "ended with 4, and with it a process that it had left"));
    EXPECT_TRUE(holds(ask("history").out, "ended with 4, and with it a process that it had left"));
}

TEST_F(Job, HasTheVariablesAndTheOutputThatAreNamed) {
    const CedanaRun run = run_cedana(run_words({"--env", "A=b c", "--env", "A=d", "--stdio", scratch("out"), "--",
                                                "/bin/sh", "-c", "echo $A; echo no >&2"}),
                                     options);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, "");
    std::vector<std::string> lines = lines_of(scratch("out"));
    std::ranges::sort(lines);
    EXPECT_EQ(lines, (std::vector<std::string>{"d", "no"}));
    EXPECT_EQ(run_cedana(run_words({"--env", "=x", "--", "/bin/true"}), options).exit_code, 2);
    EXPECT_EQ(run_cedana(run_words({"--user", "no body", "--", "/bin/true"}), options).exit_code, 2);
}

TEST_F(Job, HasItsArgumentsByteForByte) {
    const std::vector<std::string> words =
        run_words({"--env", "X=\xff", "--", "/bin/sh", "-c", "printf '%s' \"$X$1\"", "sh", "\xfe\n"});
    for (int round = 0; round < 2; ++round) {
        const CedanaRun run = run_cedana(words, options);
        EXPECT_EQ(run.exit_code, 0) << run.err;
        EXPECT_EQ(run.out, "\xff\xfe\n");
    }
    std::vector<std::string> other = words;
    other.back() = "\xfd\n";
    EXPECT_EQ(run_cedana(other, options).exit_code, 2);
}

TEST_F(Job, WhoseOutputHasNoPlaceIsNotStarted) {
    const fs::path fifo = scratch("fifo");
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    for (const fs::path& place : {scratch("nothing") / "out", folder(), fifo}) {
        const CedanaRun run = run_cedana(run_words({"--stdio", place, "--", "/bin/true"}), options);
        EXPECT_EQ(run.exit_code, 9) << run.err;
        EXPECT_TRUE(holds(run.err, "hint:  name another file for the output"));
    }
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
}

TEST_F(Job, WithANoticeThatCannotRunIsLeftAsItIs) {
    const std::vector<std::string> wrong = {"--notice", "/nowhere"};
    EXPECT_EQ(run_cedana(counting(wrong), options).exit_code, 5);
    EXPECT_TRUE(lines_of(log).empty());
    EXPECT_TRUE(Json::parse(run_cedana({"client", "ps", "-d", store(), "--json"}, options).out).at("jobs").empty());
    RunningCedana killed = start(counting());
    wait_for_more_lines(log, k_few_steps);
    killed.signal(SIGKILL);
    killed.wait();
    EXPECT_EQ(run_cedana(run_words(wrong), options).exit_code, 5);
    RunningCedana running = start(run_words({}));
    wait_for_text(running.messages(), "found running");
    running.signal(SIGINT);
    running.wait();
    expect_unbroken();
}

TEST_F(Job, OfAnotherUserIsNotStartedWhereItCouldNotBeCheckpointed) {
    write_script(scratch("without"), fmt::format("#!/bin/sh\nexec setpriv --bounding-set -sys_resource {} \"$@\"\n",
                                                 cedana_executable().string()));
    options.executable = scratch("without");
    const CedanaRun run = run_cedana(run_words({"--user", "nobody", "--", "/bin/sh", "-c", "echo ran"}), options);
    EXPECT_EQ(run.exit_code, 5);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "--cap-add SYS_RESOURCE"));
    EXPECT_FALSE(fs::exists(store() / "j" / "job.json"));
}

TEST_F(Job, ReplacesNothingThatIsNoFile) {
    const fs::path fifo = scratch("fifo");
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    const CedanaRun run = run_cedana(run_words({"--metrics", fifo, "--ready-file", fifo, "--", "/bin/true"}), options);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err, "is no regular file, and is not replaced"));
    EXPECT_TRUE(fs::is_fifo(fifo));
}

TEST_F(Job, ThatIsDoneIsLeftAloneIfItIsToRunOnce) {
    const std::vector<std::string> words = run_words({"--once", "--", "/bin/sh", "-c", "echo ran >>" + log.string()});
    for (int round = 0; round < 2; ++round)
        EXPECT_EQ(run_cedana(words, options).exit_code, 0);
    EXPECT_EQ(lines_of(log).size(), 1U);
    EXPECT_EQ(run_cedana(run_words({"--once"}), options).exit_code, 0);
}

TEST_F(Job, EndsByANoticeInTheTimeThatIsLeft) {
    options.environment["CEDANA_NOTICE_EVERY"] = "0.05";
    const std::string notice =
        fmt::format("{}/packaging/notices/notice-file {}", CEDANA_SOURCE_DIR, scratch("go").string());
    RunningCedana running = start(counting({"--notice", notice, "--ready-file", scratch("ready")}));
    wait_for_text(running.messages(), "started");
    wait_for_more_lines(log, 5);
    EXPECT_EQ(trim(read_file(scratch("ready"))), std::to_string(seen().at("pid").get<pid_t>()));
    write_text(scratch("next"), "90\n");
    fs::rename(scratch("next"), scratch("go"));
    EXPECT_EQ(running.wait().exit_code, 85);
    EXPECT_FALSE(fs::exists(scratch("ready")));
    EXPECT_TRUE(holds(ask("history").out, "this host is to go in 90 s"));
    expect_unbroken();
}

TEST_F(Job, IsNotStartedInAFolderThatIsGone) {
    write_script(scratch("gone"), fmt::format("#!/bin/sh\nmkdir {0}\ncd {0}\nrmdir {0}\nexec {1} \"$@\"\n",
                                              scratch("here").string(), cedana_executable().string()));
    options.executable = scratch("gone");
    const CedanaRun run = run_cedana(run_words({"--", "/bin/true"}), options);
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_TRUE(holds(run.err, "the folder in which cedana was called is gone"));
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
}

// A dump of which a hook hangs for long.
TEST_F(Job, IsLateNoLongerThanItsProgram) {
    options.environment["CEDANA_ACTION_SCRIPTS_PRE_DUMP"] = scratch("hook");
    write_script(scratch("hook"), "#!/bin/sh\nexec sleep 100\n");
    RunningCedana running = start(counting({"--deadline", "1s"}));
    wait_for_more_lines(log, k_few_steps);
    running.signal(SIGTERM);
    const CedanaRun run = running.wait();
    EXPECT_EQ(run.exit_code, 128 + SIGTERM);
    EXPECT_TRUE(holds(run.err, "the checkpoint took longer than there was time"));
    EXPECT_EQ(seen().at("state"), "ended");
}

TEST_F(Job, TellsOfItsFailure) {
    write_script(scratch("tell"),
                 fmt::format("#!/bin/sh\necho $CEDANA_JOB $CEDANA_JOB_STATE >{}\nexit 3\n", scratch("told").string()));
    const CedanaRun run = run_cedana(run_words({"--backoff", "0", "--max-restarts", "0", "--on-failure",
                                                scratch("tell"), "--", "/bin/sh", "-c", "kill -SEGV $$"}),
                                     options);
    EXPECT_EQ(run.exit_code, 128 + SIGSEGV) << run.err;
    EXPECT_EQ(read_file(scratch("told")), "j failed\n");
    EXPECT_TRUE(holds(run.err, scratch("tell").string() + ", which is to tell of the failure, exited with status 3"))
        << run.err;
}

TEST_F(Job, EndsWithEachPeriodicCheckpoint) {
    for (int round = 0; round < 2; ++round) {
        // Hooks that fail behind a whole checkpoint, and beside a program that is back.
        if (round == 1)
            for (const char* stage : {"DUMP", "RESTORE"})
                options.environment[fmt::format("CEDANA_ACTION_SCRIPTS_POST_{}", stage)] = "/bin/false";
        RunningCedana running = start(counting({"--interval", "1s", "--exit-each"}));
        EXPECT_EQ(running.wait().exit_code, 85);
    }
    EXPECT_EQ(checkpoints().size(), 2U);
    expect_unbroken();
}

TEST_F(Job, LeavesNoCheckpointsWhenItIsDone) {
    const std::string done = scratch("done");
    RunningCedana running = start(run_words({"--", "/bin/sh", "-c", "until [ -e " + done + " ]; do sleep 0.02; done"}));
    wait_for_text(running.messages(), "started");
    ASSERT_EQ(ask("checkpoint").exit_code, 0);
    std::ofstream(done) << "now";
    EXPECT_EQ(running.wait().exit_code, 0);
    EXPECT_EQ(seen().at("state"), "done");
    EXPECT_TRUE(checkpoints().empty());
}

// The store is full or read-only from some moment on: that is no reason to end the program.
TEST_F(Job, RunsOnWhereItsStoreCannotBeWrittenTo) {
    ASSERT_EQ(::mount("tmpfs", store().c_str(), "tmpfs", 0, "mode=0700,size=8m"), 0);
    const std::string done = scratch("done");
    RunningCedana running =
        start(run_words({"--backoff", "0", "--", "/bin/sh", "-c", "until [ -e " + done + " ]; do sleep 0.02; done"}));
    wait_for_text(running.messages(), "started");
    ASSERT_EQ(ask("checkpoint").exit_code, 0);
    EXPECT_EQ(::mount(nullptr, store().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
    running.signal(SIGUSR2);
    wait_for_text(running.messages(), "it runs on");
    const CedanaRun refused = ask("stop");
    EXPECT_EQ(refused.exit_code, 9);
    EXPECT_TRUE(holds(refused.err, fmt::format("`kill -TERM {}`", running.pid())));
    // Its state cannot be noted, and it is brought back all the same.
    ASSERT_EQ(::kill(seen().at("pid").get<pid_t>(), SIGKILL), 0);
    wait_for_text(running.messages(), "goes on from");
    std::ofstream(done) << "now";
    EXPECT_EQ(running.wait().exit_code, 0);
    EXPECT_EQ(::umount2(store().c_str(), MNT_DETACH), 0);
}

// Another host may have it by then.
TEST_F(Job, IsNotBroughtBackWhereItsStoreIsNotThere) {
    ASSERT_EQ(::mount("tmpfs", store().c_str(), "tmpfs", 0, "mode=0700,size=8m"), 0);
    RunningCedana running = start(run_words({"--backoff", "0", "--", "/bin/sleep", "infinity"}));
    wait_for_text(running.messages(), "started");
    const auto pid = seen().at("pid").get<pid_t>();
    EXPECT_EQ(::umount2(store().c_str(), MNT_DETACH), 0);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    EXPECT_EQ(running.wait().exit_code, 9);
}

TEST_F(Job, RunsOnWhereItsFolderWasRemoved) {
    RunningCedana running = start(counting());
    wait_for_more_lines(log, k_few_steps);
    ASSERT_EQ(ask("checkpoint").exit_code, 0);
    fs::remove_all(store());
    wait_for_text(running.messages(), "it is made anew");
    // Of its own accord, in place of those that were removed.
    wait_in_folder(
        store() / "j", [&] { return !checkpoints().empty(); }, "a checkpoint");
    wait_for_more_lines(log, k_few_steps);
    running.signal(SIGTERM);
    EXPECT_EQ(running.wait().exit_code, 85);
    RunningCedana again = start(run_words({}));
    wait_for_more_lines(log, k_few_steps);
    again.signal(SIGTERM);
    EXPECT_EQ(again.wait().exit_code, 85);
    expect_unbroken();
}

TEST_F(Job, GoesOnFromTheCheckpointsInItsFolderWhateverBecameOfItsState) {
    const fs::path state = store() / "j" / "state.json";
    for (int round = 0; round < 3; ++round) {
        RunningCedana running = start(counting());
        wait_for_more_lines(log, k_few_steps);
        running.signal(SIGTERM);
        const CedanaRun run = running.wait();
        EXPECT_EQ(run.exit_code, 85) << run.err;
        if (round == 0)
            fs::remove(state);
        else if (round == 1)
            write_text(state, "{");
    }
    expect_unbroken();
    // Which command they are of is known by that alone.
    fs::rename(store() / "j" / "job.json", scratch("job.json"));
    for (const auto& words : {counting(), run_words({})})
        EXPECT_EQ(run_cedana(words, options).exit_code, 8);
    EXPECT_TRUE(holds(run_cedana({"client", "ps", "-d", store()}, options).err, "job.json is missing"));
}

TEST_F(Job, WhoseCheckpointsWereRemovedIsNotStartedAnewUnlessThatIsAskedFor) {
    RunningCedana running = start(counting());
    wait_for_more_lines(log, k_few_steps);
    ASSERT_EQ(ask("checkpoint").exit_code, 0);
    running.signal(SIGTERM);
    EXPECT_EQ(running.wait().exit_code, 85);
    const std::vector<std::string> made = checkpoints();
    fs::rename(store() / "j" / made.back(), scratch("newest"));
    fs::remove(store() / "j" / made.front());
    EXPECT_TRUE(seen().at("checkpoints").empty());
    EXPECT_TRUE(seen().at("goes_on_from").is_null());
    const std::size_t before = lines_of(log).size();
    for (int round = 0; round < 2; ++round) {
        const CedanaRun refused = run_cedana(counting(), options);
        EXPECT_EQ(refused.exit_code, 7);
        EXPECT_TRUE(holds(refused.err, "its checkpoints are gone, of which " + made.back() + " was the last"));
        fs::remove(store() / "j" / "state.json");
    }
    EXPECT_EQ(lines_of(log).size(), before);
    RunningCedana anew = start(counting({"--if-unrestorable", "start"}));
    wait_for_more_lines(log, 5);
    EXPECT_EQ(lines_of(log).at(before), "1");
    anew.signal(SIGINT);
    EXPECT_EQ(anew.wait().exit_code, 128 + SIGINT);
}

// A checkpoint that it came from and ran on until it was asked to end is as good as it was.
TEST_F(Job, ComesBackFromAnOldCheckpointAsOftenAsTheNewOneIsDamaged) {
    constexpr int k_more_than_attempts = 4;
    std::string good;
    for (int run = 0; run < k_more_than_attempts; ++run) {
        RunningCedana running = start(counting());
        wait_for_more_lines(log, k_few_steps);
        running.signal(SIGTERM);
        ASSERT_EQ(running.wait().exit_code, 85) << read_file(running.messages());
        const std::vector<std::string> made = checkpoints();
        if (run == 0)
            good = made.front();
        for (const std::string& name : made)
            if (name != good)
                fs::resize_file(store() / "j" / name, 100);
    }
    EXPECT_EQ(seen().at("state"), "checkpointed");
}

// From terminal to terminal: its supervisor is killed, and it is stopped and goes on.
TEST_F(Job, HasTheKeysAndTheSizeOfTheTerminalThatItIsRunOn) {
    write_script(
        scratch("program"),
        fmt::format("#!/bin/sh\nexec 3>>{} 4<>/dev/tty\ntrap 'echo interrupted after $line >&3' INT\n"
                    "trap 'echo hung up >&3' HUP\ntrap 'stty size >&3' WINCH\n"
                    "while :; do read -r new || continue; line=$new; echo got $line >&3; echo shown $line >&4\n"
                    "[ $line = end ] && exit 3; done\n",
                    log.string()));
    CedanaOnTerminal killed(run_words({"--", scratch("program")}), options);
    killed.type("one\n");
    wait_for_text(log, "got one");
    killed.press_ctrl_c();
    wait_for_text(log, "interrupted after one");
    killed.resize(31, 91);
    wait_for_text(log, "31 91");
    // What is not by then goes to the terminal of the next one.
    killed.wait_until_shown("shown one");
    ASSERT_EQ(::kill(killed.pid(), SIGKILL), 0);
    killed.wait();

    CedanaOnTerminal stopped(run_words({}), options);
    stopped.type("two\n");
    wait_for_text(log, "got two");
    const CedanaRun order = ask("stop");
    EXPECT_EQ(order.exit_code, 0) << order.err;
    EXPECT_EQ(stopped.wait().exit_code, 85);
    EXPECT_TRUE(stopped.takes_lines());

    CedanaOnTerminal last(run_words({}), options);
    last.type("three\n");
    wait_for_text(log, "got three");
    last.press_ctrl_c();
    wait_for_text(log, "interrupted after three");
    last.resize(32, 92);
    wait_for_text(log, "32 92");
    last.type("end\n");
    const CedanaRun run = last.wait();
    EXPECT_EQ(run.exit_code, 3);
    EXPECT_TRUE(holds(run.out, "shown three"));
    EXPECT_FALSE(holds(read_file(log), "hung up"));
}

TEST_F(Job, ThatIsEndedByAKeyIsNotBroughtBack) {
    CedanaOnTerminal running(run_words({"--", "/bin/sh", "-c", "echo ready; exec sleep infinity"}), options);
    running.wait_until_shown("ready");
    running.press_ctrl_c();
    EXPECT_EQ(running.wait().exit_code, 128 + SIGINT);
    EXPECT_EQ(seen().at("state"), "ended");
}

void reap(pid_t pid) { ASSERT_EQ(::waitpid(pid, nullptr, 0), pid); }

// Of the host's pids: no namespace ends it with its first process, and its pid can be taken.
TEST_F(Job, WithThePidsOfItsHostGoesOnUnderThem) {
    RunningCedana first = start(counting({"--no-pidns"}));
    wait_for_text(first.messages(), "started");
    wait_for_more_lines(log, 10);
    const auto pid = seen().at("pid").get<pid_t>();
    EXPECT_EQ(Json::parse(read_file(store() / "j" / "state.json")).at("program"), pid);
    first.signal(SIGTERM);
    EXPECT_EQ(first.wait().exit_code, 85);

    ChildProcess other = ChildProcess::spawn({.argv = {target_program("at_pid"), std::to_string(pid)}});
    ASSERT_TRUE(other.wait().success());
    const CedanaRun refused = run_cedana(run_words({}), options);
    EXPECT_EQ(refused.exit_code, 7);
    EXPECT_TRUE(holds(refused.err, fmt::format("pid {} is taken", pid)));
    EXPECT_EQ(seen().at("checkpoints").at(0).at("tries"), 0);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    reap(pid);

    RunningCedana second = start(run_words({}));
    wait_for_text(second.messages(), "goes on from");
    wait_for_more_lines(log, 10);
    EXPECT_EQ(seen().at("pid"), pid);
    const auto init = Json::parse(read_file(store() / "j" / "state.json")).at("init").get<pid_t>();
    const pid_t root = only_child_of(init);
    second.signal(SIGKILL);
    second.wait();
    ASSERT_EQ(::kill(init, SIGKILL), 0);
    reap(init);
    RunningCedana third = start(run_words({}));
    // Who has lost its parent is left to this process, and so is what that leaves: the program, unless it was reaped
    // before its parent stood.
    reap(root);
    if (::waitpid(pid, nullptr, 0) != pid) {
        EXPECT_EQ(errno, ECHILD);
    }
    wait_for_text(third.messages(), "goes on from");
    wait_for_more_lines(log, 10);
    third.signal(SIGTERM);
    EXPECT_EQ(third.wait().exit_code, 85);
    EXPECT_NE(::kill(pid, 0), 0);
    expect_unbroken();
}

TEST_F(Job, IsHeardOnWhenWhoCopiesItsOutputWasKilled) {
    RunningCedana running = start(run_words(
        {"--stdio", scratch("out"), "--", "/bin/sh", "-c", "n=0; while :; do n=$((n+1)); echo $n; sleep 0.02; done"}));
    wait_for_more_lines(scratch("out"), 5);
    ASSERT_EQ(::kill(only_child_of(running.pid()), SIGKILL), 0);
    wait_for_more_lines(scratch("out"), 20);
    EXPECT_TRUE(count_on_from(1, lines_of(scratch("out"))));
    running.signal(SIGINT);
    EXPECT_EQ(running.wait().exit_code, 128 + SIGINT);
}

TEST_F(Job, WithPidsOfItsOwnKeepsThem) {
    EXPECT_EQ(run_cedana(run_words({"--", "/bin/true"}), options).exit_code, 0);
    const CedanaRun run = run_cedana(run_words({"--no-pidns", "--", "/bin/true"}), options);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "leave --no-pidns out"));
}

TEST_F(Job, HasItsDaemonsInItsCheckpoints) {
    const std::string daemon = fmt::format("(setsid {} {} 1 >/dev/null 2>&1 &) ; while :; do sleep 1; done",
                                           target_program("counter"), log.string());
    for (int round = 0; round < 2; ++round) {
        RunningCedana running = start(run_words({"--", "/bin/sh", "-c", daemon}));
        wait_for_more_lines(log, 20);
        running.signal(SIGTERM);
        EXPECT_EQ(running.wait().exit_code, 85);
    }
    expect_unbroken();
}

} // namespace
} // namespace cedana::testing
