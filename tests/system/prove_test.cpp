// SPDX-License-Identifier: Apache-2.0
// A checkpoint that is tried: restored in namespaces of its own, and taken away before one instruction of it has run.
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/action_words.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <set>
#include <system_error>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>

#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* k_stages[] = {"pre-restore", "post-restore", "pre-resume"};

class Proving : public System {
  protected:
    void TearDown() override {
        // Whatever has been done: of a trial nothing stays.
        EXPECT_EQ(abandoned_working_folders(), std::vector<std::string>());
        EXPECT_EQ(abandoned_groups_of_trials(), std::vector<std::string>());
        System::TearDown();
    }
    [[nodiscard]] CedanaRun verify(const fs::path& zip) const {
        return run_cedana({"client", "verify", "--prove", zip.string()}, options);
    }
    // What is said of the one checkpoint.
    [[nodiscard]] Json proof_of(const fs::path& zip) const {
        const CedanaRun run = run_cedana({"client", "verify", "--prove", "--json", zip.string()}, options);
        return Json::parse(run.out).at("checkpoints").at(0).at("proof");
    }
    fs::path dump_beside(const Target& target) const {
        const CedanaRun run = dump(target.pid(), {"--leave-running"});
        EXPECT_EQ(run.exit_code, 0) << run.err;
        return only_line(run.out);
    }
    // cedana-trial.PID.START.NAMESPACE; other tests may run beside this one.
    static std::vector<std::string> abandoned_groups_of_trials() {
        std::vector<std::string> found;
        std::error_code ignored;
        for (const char* const place : {"/sys/fs/cgroup", "/sys/fs/cgroup/memory"})
            for (const fs::path& group : entries_of(place, ignored)) {
                const std::vector<std::string> parts = split(group.filename().string(), '.');
                std::int64_t pid = 0;
                if (parts.size() == 4 && parts[0] == "cedana-trial" && parse_number(parts[1], pid) &&
                    !is_running(static_cast<pid_t>(pid)))
                    found.push_back(group.string());
            }
        return found;
    }
    // A restore of CRIU's goes through `words` in a shell, in the place of criu.
    void wrap_restores(const std::string& words) {
        write_script(scratch("criu"), "#!/bin/sh\n[ \"$1\" = restore ] || exec criu \"$@\"\n" + words + "\n");
        options.environment["CEDANA_CRIU_PATH"] = scratch("criu");
    }
    // What is done at a stage of CRIU's, before cedana hears of it (criu/action-scripts.c: the last one first).
    void at_stage(const std::string& stage, const std::string& words) {
        write_script(scratch("at-stage"),
                     fmt::format("#!/bin/sh\n[ \"$CRTOOLS_SCRIPT_ACTION\" = {} ] || exit 0\n{}\n", stage, words));
        wrap_restores("exec criu \"$@\" --action-script " + scratch("at-stage").string());
    }
};

// It makes a file anew at each step, as fast as it can: what it opens by a name, nothing can stand in for.
class FileMaker {
  public:
    explicit FileMaker(const fs::path& folder)
        : folder_(made(folder)),
          target_({"/bin/bash", "-c", "cd " + folder.string() + "; i=0; while :; do : >$((i = (i + 1) % 100)); done"}) {
        wait_in_folder(
            folder_, [&] { return fs::exists(folder_ / "20"); }, "files");
    }
    Target& target() { return target_; }
    // Each with the time at which it was written to.
    [[nodiscard]] std::set<std::string> files() const {
        std::set<std::string> found;
        std::error_code ignored;
        for (const fs::path& path : entries_of(folder_, ignored))
            found.insert(
                fmt::format("{} {}", path.filename().string(), fs::last_write_time(path).time_since_epoch().count()));
        return found;
    }

  private:
    static fs::path made(const fs::path& folder) {
        fs::create_directory(folder);
        return folder;
    }

    fs::path folder_;
    Target target_;
};

TEST_F(Proving, IsMadeOfACheckpointWhoseOriginalHasEnded) {
    const fs::path log = scratch("count");
    Target target({target_program("counter"), log, "16"});
    wait_for_more_lines(log, k_steps);
    const fs::path zip = dump_and_stop(target);
    const std::string before = read_file(log);
    const CedanaRun run = verify(zip);
    EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
    EXPECT_TRUE(holds(run.out, "can be restored here\n  proved in "));
    EXPECT_EQ(read_file(log), before);
    restore_as(target.pid(), zip);
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

// CRIU had put it into a time namespace.
TEST_F(Proving, IsMadeOfAProgramThatWasRestoredBefore) {
    const fs::path log = scratch("count");
    Target target({target_program("counter"), log, "16"});
    wait_for_more_lines(log, k_steps);
    restore_as(target.pid(), dump_and_stop(target));
    wait_for_more_lines(log, k_steps);
    const CedanaRun run = dump(target.pid(), {"--stop", "--prove"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err, "proved in "));
    reap_all();
    restore_as(target.pid(), only_line(run.out));
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

TEST_F(Proving, ManyTimesDisturbsNoOriginal) {
    const fs::path log = scratch("count");
    Target target({target_program("counter"), log, "8"});
    Target threads({target_program("threads"), scratch("threads")});
    wait_for_more_lines(log, k_steps);
    const std::vector<fs::path> zips = {dump_beside(target), dump_beside(threads)};
    for (int i = 0; i < 10; ++i)
        for (const fs::path& zip : zips)
            ASSERT_EQ(proof_of(zip).at("state"), "proved");
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(threads.runs());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

TEST_F(Proving, NotOneInstructionRuns) {
    FileMaker maker(scratch("made"));
    const fs::path zip = dump_beside(maker.target());
    maker.target().end();
    const std::set<std::string> before = maker.files();
    EXPECT_EQ(proof_of(zip).at("state"), "proved");
    EXPECT_EQ(maker.files(), before);
}

// Not even when CRIU is killed where it has let the tree go to its last system call.
TEST_F(Proving, NotOneInstructionRunsWhereverCriuIsKilled) {
    FileMaker maker(scratch("made"));
    const fs::path zip = dump_beside(maker.target());
    maker.target().end();
    const std::set<std::string> before = maker.files();
    const std::string library = fs::path(target_program("libkill_at_ptrace.so")).string();
    int kills = 0;
    for (std::string state; state != "proved"; ++kills) {
        ASSERT_LT(kills, 200);
        fs::remove(scratch("calls"));
        wrap_restores(fmt::format("LD_PRELOAD={} KILL_AT_PTRACE={} PTRACE_COUNT={} exec criu \"$@\"", library,
                                  kills + 1, scratch("calls").string()));
        state = proof_of(zip).at("state").get<std::string>();
        EXPECT_EQ(maker.files(), before) << "killed after call " << kills + 1;
    }
    EXPECT_GT(kills, 5);
}

class ProvingKilled : public Proving, public ::testing::WithParamInterface<const char*> {};

TEST_P(ProvingKilled, CriuProvesNothingAndTheTreeRunsOn) {
    const fs::path log = scratch("count");
    Target target({target_program("counter"), log, "8"});
    wait_for_more_lines(log, k_steps);
    at_stage(GetParam(), "kill -9 $PPID");
    const CedanaRun run = dump(target.pid(), {"--stop", "--prove"});
    EXPECT_EQ(run.exit_code, 6) << run.err;
    EXPECT_TRUE(holds(run.err, "does not come back"));
    EXPECT_TRUE(holds(run.err, "runs on"));
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

TEST_P(ProvingKilled, CedanaLeavesNothingOfTheTrial) {
    const fs::path log = scratch("count");
    Target target({target_program("counter"), log, "8"});
    wait_for_more_lines(log, k_steps);
    at_stage(GetParam(), fmt::format("touch {}; sleep infinity", scratch("reached").string()));
    RunningCedana cedana(dump_arguments(target.pid(), {"--stop", "--prove"}), options, folder());
    wait_for_file(scratch("reached"));
    cedana.signal(SIGKILL);
    static_cast<void>(cedana.wait());
    reap_all_but(target.pid());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
    EXPECT_TRUE(target.runs());
    const CedanaRun cleaned = run_cedana({"check", "--clean", "-d", store().string()}, options);
    EXPECT_EQ(names_in(store()), std::vector<std::string>()) << cleaned.out << cleaned.err;
}

INSTANTIATE_TEST_SUITE_P(Stages, ProvingKilled, ::testing::ValuesIn(k_stages), [](const auto& one) {
    std::string name = one.param;
    name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
    return name;
});

// CRIU goes on as if it had got an answer.
TEST_F(Proving, AHookThatCouldNotAskProvesNothing) {
    FileMaker maker(scratch("made"));
    const fs::path zip = dump_beside(maker.target());
    maker.target().end();
    const std::set<std::string> before = maker.files();
    at_stage("pre-resume", fmt::format("rm \"${}\"", criu::k_action_socket));
    const CedanaRun run = run_cedana({"client", "verify", "--prove", zip.string()}, options);
    EXPECT_FALSE(holds(run.out, "proved in")) << run.out;
    EXPECT_TRUE(holds(run.out, "nobody saw the tree")) << run.out << run.err;
    EXPECT_EQ(maker.files(), before);
}

TEST_F(Proving, IsMadeBeforeTheTreeEnds) {
    const fs::path log = scratch("count");
    Target target({target_program("counter"), log, "16"});
    wait_for_more_lines(log, k_steps);
    const CedanaRun run = dump(target.pid(), {"--stop", "--prove", "--json"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Json result = Json::parse(run.out);
    EXPECT_EQ(result.at("proof").at("state"), "proved");
    EXPECT_GE(result.at("frozen_seconds").get<double>(), result.at("proof").at("seconds").get<double>());
    target.wait_end();
    reap_all();
    restore_as(target.pid(), result.at("checkpoint").get<std::string>());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

TEST_F(Proving, OfAnEncryptedDumpNeedsNoPassphraseAgain) {
    Target target({"/bin/sleep", "infinity"});
    std::ofstream(scratch("passphrase")) << "correct horse";
    std::vector<std::string> arguments = dump_arguments(target.pid(), {"--stop", "--prove"});
    const CedanaRun run = run_with_passphrase(arguments, options, scratch("passphrase"));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err, "proved in ")) << run.err;
}

TEST_F(Proving, ATreeThatWouldNotComeBackRunsOn) {
    const fs::path log = scratch("count");
    Target target({target_program("counter"), log, "8"});
    wait_for_more_lines(log, k_steps);
    // After all else is restored (criu/cr-restore.c, FI_POST_RESTORE).
    wrap_restores("CRIU_FAULT=6 exec criu \"$@\"");
    const CedanaRun run = dump(target.pid(), {"--stop", "--prove"});
    EXPECT_EQ(run.exit_code, 6) << run.err;
    EXPECT_TRUE(holds(run.err, "does not come back"));
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

TEST_F(Proving, IsNotTriedWhereItWouldTouchWhatIsOutside) {
    const fs::path fifo = scratch("fifo");
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    Target target({"/bin/bash", "-c",
                   "exec 5<>" + fifo.string() + "; touch " + scratch("open").string() +
                       "; while :; do read -r -t 60 word <&5; done"});
    wait_for_file(scratch("open"));
    const CedanaRun run = dump(target.pid(), {"--stop", "--prove"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err, "not provable, because it has a FIFO open (" + fifo.string() + ")")) << run.err;
}

TEST_F(Proving, OfATreeThatRunsOnIsRefused) {
    Target target({"/bin/sleep", "infinity"});
    const CedanaRun run = dump(target.pid(), {"--leave-running", "--prove"});
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_TRUE(holds(run.err, "verify --prove"));
}

// A port is taken only in the network namespace that it is in, and an address need not be there.
TEST_F(Proving, ATakenPortIsNoObstacle) {
    Target target({"/usr/bin/python3", "-c",
                   "import socket, time\n"
                   "s = socket.create_server(('127.0.0.1', 0)); t = socket.create_server(('0.0.0.0', 0))\n"
                   "open('" +
                       scratch("listens").string() + "', 'w').close()\ntime.sleep(1000)"});
    wait_for_file(scratch("listens"));
    EXPECT_EQ(proof_of(dump_beside(target)).at("state"), "proved");
}

TEST_F(Proving, AFileThatWasChangedSinceIsNoObstacle) {
    const fs::path log = scratch("count");
    Target target({target_program("counter"), log, "8"});
    wait_for_more_lines(log, k_steps);
    const fs::path zip = dump_beside(target);
    wait_for_more_lines(log, k_steps);
    target.end();
    EXPECT_EQ(proof_of(zip).at("state"), "proved");
}

} // namespace
} // namespace cedana::testing
