// SPDX-License-Identifier: Apache-2.0
// Trees that run before their memory is there: it is right all the same, whatever they do with it, and when it cannot
// be brought they end.
#include "cedana/base/files.hpp"
#include "cedana/base/own_cgroup.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/lazy/transfers.hpp"
#include "cedana/undo/work_folder.hpp"

#include <csignal>
#include <fstream>
#include <optional>
#include <set>
#include <thread>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/wait.hpp"
#include "system/moments.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Lazy : public System {
  protected:
    [[nodiscard]] CedanaRun restore_lazily(const fs::path& zip, const std::vector<std::string>& more = {}) const {
        std::vector<std::string> arguments = {"client", "restore", "--lazy", zip.string()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run_cedana(arguments, options);
    }
    // As json; expects that it works.
    [[nodiscard]] Json restored_lazily(const fs::path& zip) const {
        const CedanaRun run = restore_lazily(zip, {"--json"});
        EXPECT_EQ(run.exit_code, 0) << run.err;
        return run.exit_code == 0 ? Json::parse(run.out) : Json();
    }
    void go() const { std::ofstream(scratch("go")) << "go"; }
    [[nodiscard]] std::vector<std::string> filled(const std::string& scenario, std::size_t mib) const {
        return {target_program("filled"), scenario, std::to_string(mib), log.string(), scratch("go").string()};
    }
    static void wait_for_end_of(pid_t pid) {
        if (const auto pidfd = open_pidfd(pid))
            wait_for_end(*pidfd);
    }

    const fs::path log = scratch("log");
};

class LazyMemoryIsRight : public Lazy, public ::testing::WithParamInterface<const char*> {
  protected:
    void expect_right() {
        Target target(filled(GetParam(), 48));
        wait_for_lines(log, 1);
        const fs::path zip = dump_and_stop(target);
        go();
        const Json restored = restored_lazily(zip);
        ASSERT_EQ(restored.at("pid"), target.pid());
        const std::vector<std::string> lines = wait_for_lines(log, 2);
        EXPECT_EQ(lines, (std::vector<std::string>{"ready", "right"}));
        EXPECT_TRUE(is_running(target.pid()));
        wait_for_end_of(restored.at("lazy").at("keeper"));
        EXPECT_FALSE(lacks_memory(Procfs(), target.pid()));
        EXPECT_TRUE(lazy_transfers().empty());
    }
};

TEST_P(LazyMemoryIsRight, WhateverTheTreeDoesMeanwhile) { expect_right(); }

class LazyMemoryUnderLoad : public LazyMemoryIsRight {};

TEST_P(LazyMemoryUnderLoad, IsRightWhileOthersTakeTheProcessors) {
    std::vector<std::jthread> load;
    for (unsigned i = 0; i < 2 * std::thread::hardware_concurrency(); ++i)
        load.emplace_back([](const std::stop_token& stop) {
            while (!stop.stop_requested()) {}
        });
    expect_right();
}

INSTANTIATE_TEST_SUITE_P(Scenarios, LazyMemoryIsRight,
                         ::testing::Values("pages_and_holes", "threads", "forks", "family", "mappings",
                                           "changes_at_once", "execs", "wiped_on_fork"));
INSTANTIATE_TEST_SUITE_P(Scenarios, LazyMemoryUnderLoad, ::testing::Values("forks", "mappings", "changes_at_once"));

TEST_F(Lazy, ProcessesThatShareMemoryAllHaveIt) {
    constexpr std::size_t k_processes = 16;
    Target target({target_program("shared"), log, std::to_string(k_processes)});
    wait_for_lines(log, k_processes);
    const fs::path zip = dump_and_stop(target);
    const std::vector<pid_t> pids = [&] {
        const Json restored = restored_lazily(zip);
        EXPECT_GE(restored.at("lazy").at("bytes_eager"), 32U << 20);
        std::vector<pid_t> all = children_of(target.pid());
        all.push_back(target.pid());
        return all;
    }();
    ASSERT_EQ(pids.size(), k_processes);
    for (const pid_t pid : pids)
        ASSERT_EQ(::kill(pid, SIGUSR1), 0);
    std::set<std::string> expected;
    for (std::size_t process = 0; process < k_processes; ++process)
        for (const char* state : {" ready", " right"})
            expected.insert(std::to_string(process) + state);
    const std::vector<std::string> lines = wait_for_lines(log, 2 * k_processes);
    EXPECT_EQ(std::set(lines.begin(), lines.end()), expected);
}

// A transfer that stands still from shortly after its tree runs: a script that is run then stops the server, which
// waits for it midway, however late it comes.
class StoppedLazy : public Lazy {
  protected:
    void SetUp() override {
        Lazy::SetUp();
        write_script(scratch("stop"), "#!/bin/sh\n"
                                      "for folder in /run/cedana/lazy.*; do\n"
                                      "    keeper=${folder#*/lazy.}\n"
                                      "    keeper=${keeper%%.*}\n"
                                      "    kill -STOP $(cat /proc/$keeper/task/$keeper/children)\n"
                                      "done\n"
                                      "touch " +
                                          scratch("stopped").string() + "\n");
        options.environment["CEDANA_ACTION_SCRIPTS_POST_RESTORE"] = scratch("stop");
        options.environment["CEDANA_ARCHIVE_THREADS"] = "1";
        options.environment["LD_PRELOAD"] = HELD_FILL;
        options.environment["HELD_FILL_UNTIL"] = scratch("stopped");
        wait_for_lines(log, 1);
        zip = dump_and_stop(target);
    }
    // Midway: some of its memory is missing.
    [[nodiscard]] Json restored_midway() const {
        Json restored = restored_lazily(zip);
        EXPECT_TRUE(lacks_memory(Procfs(), target.pid()));
        return restored;
    }
    [[nodiscard]] static pid_t keeper_of(const Json& restored) { return restored.at("lazy").at("keeper"); }
    [[nodiscard]] static pid_t server_of(pid_t keeper) {
        const std::vector<pid_t> children = children_of(keeper);
        return children.size() == 1 ? children.front() : -1;
    }
    void expect_right() const {
        go();
        EXPECT_EQ(wait_for_lines(log, 2), (std::vector<std::string>{"ready", "right"}));
    }
    void expect_kept_by_clean() const {
        const CedanaRun run = run_cedana({"check", "--clean"}, options);
        EXPECT_EQ(run.exit_code, 0) << run.err;
        EXPECT_TRUE(holds(run.out, "the memory of a lazy restore is on its way")) << run.out;
    }
    // From now on no state of the transfer can be written: the name of its next one is taken by a folder.
    static void let_no_state_be_written() {
        for (const BusyWork& work : find_work_folders(state_folder()).busy)
            if (work.kind == WorkKind::lazy)
                fs::create_directory(work.path / (std::string(k_transfer_file) + ".next"));
    }
    [[nodiscard]] Json listed() const {
        const CedanaRun run = run_cedana({"client", "list", "--lazy", "--json"}, options);
        EXPECT_EQ(run.exit_code, 0) << run.err;
        return Json::parse(run.out).at("transfers");
    }

    Target target{filled("pages_and_holes", 160)};
    fs::path zip;
};

TEST_F(StoppedLazy, IsListedAndEndsByItself) {
    const Json restored = restored_midway();
    const Json transfers = listed();
    ASSERT_EQ(transfers.size(), 1U);
    EXPECT_EQ(transfers[0].at("pid"), target.pid());
    EXPECT_EQ(transfers[0].at("bytes_lazy"), restored.at("lazy").at("bytes_lazy"));
    EXPECT_GT(transfers[0].at("bytes_left"), 0);
    ASSERT_EQ(::kill(server_of(keeper_of(restored)), SIGCONT), 0);
    wait_for_end_of(keeper_of(restored));
    EXPECT_TRUE(listed().empty());
    expect_right();
}

TEST_F(StoppedLazy, KeepsADumpWaiting) {
    const Json restored = restored_midway();
    RunningCedana dump(dump_arguments(target.pid(), {"--stop"}), options, folder());
    wait_for_text(folder() / "cedana.err", "waiting until the memory of process " + target.pid_text());
    ASSERT_EQ(::kill(server_of(keeper_of(restored)), SIGCONT), 0);
    const CedanaRun dumped = dump.wait();
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    reap_all();
    options.environment.erase("CEDANA_ACTION_SCRIPTS_POST_RESTORE");
    restore_as(target.pid(), only_line(dumped.out));
    expect_right();
}

TEST_F(StoppedLazy, NeedsNeitherTheNameOfItsCheckpointNorSilence) {
    const Json restored = restored_midway();
    fs::remove(zip);
    const pid_t keeper = keeper_of(restored);
    for (const pid_t pid : {keeper, server_of(keeper)})
        for (const int number : {SIGTERM, SIGINT, SIGHUP})
            ASSERT_EQ(::kill(pid, number), 0);
    ASSERT_EQ(::kill(server_of(keeper), SIGCONT), 0);
    expect_right();
}

TEST_F(StoppedLazy, EndsWithItsTree) {
    const Json restored = restored_midway();
    ASSERT_EQ(::kill(target.pid(), SIGKILL), 0);
    ASSERT_EQ(::kill(server_of(keeper_of(restored)), SIGCONT), 0);
    wait_for_end_of(keeper_of(restored));
    EXPECT_TRUE(lazy_transfers().empty());
}

// The kernel gives zeros for what is missing once nobody answers: the tree must not see them.
TEST_F(StoppedLazy, EndsItsTreeWhenTheServerIsKilled) {
    go();
    const Json restored = restored_midway();
    ASSERT_EQ(::kill(server_of(keeper_of(restored)), SIGKILL), 0);
    wait_for_end_of(keeper_of(restored));
    EXPECT_FALSE(is_running(target.pid()));
    EXPECT_EQ(lines_of(log), std::vector<std::string>{"ready"});
    const CedanaRun listed = run_cedana({"client", "list", "--lazy"}, options);
    EXPECT_TRUE(holds(listed.out, "was ended: its memory cannot be completed"));
}

TEST_F(StoppedLazy, GoesOnThoughItsStateCannotBeWritten) {
    RunningCedana cedana({"client", "restore", "--lazy", "--wait", zip.string()}, options, folder());
    wait_for_file(scratch("stopped"));
    let_no_state_be_written();
    const std::vector<LazyTransfer> transfers = lazy_transfers();
    ASSERT_EQ(transfers.size(), 1U);
    ASSERT_EQ(::kill(server_of(transfers.front().keeper), SIGCONT), 0);
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_FALSE(lacks_memory(Procfs(), target.pid()));
    expect_right();
}

TEST_F(StoppedLazy, EndsItsTreeThoughItsStateCannotBeWritten) {
    go();
    const Json restored = restored_midway();
    let_no_state_be_written();
    ASSERT_EQ(::kill(server_of(keeper_of(restored)), SIGKILL), 0);
    wait_for_end_of(keeper_of(restored));
    EXPECT_FALSE(is_running(target.pid()));
    EXPECT_EQ(lines_of(log), std::vector<std::string>{"ready"});
    // What could be written last is told.
    const CedanaRun listed = run_cedana({"client", "list", "--lazy"}, options);
    EXPECT_TRUE(holds(listed.out, "its processes were killed")) << listed.out;
}

TEST_F(StoppedLazy, WithoutItsKeeperIsBroughtToItsEndByTheServer) {
    const Json restored = restored_midway();
    const pid_t keeper = keeper_of(restored);
    const pid_t server = server_of(keeper);
    ASSERT_EQ(::kill(keeper, SIGKILL), 0);
    wait_for_end_of(keeper);
    const Json transfers = listed();
    ASSERT_EQ(transfers.size(), 1U);
    EXPECT_EQ(transfers[0].at("keeper"), server);
    EXPECT_EQ(transfers[0].at("failure"), nullptr);
    expect_kept_by_clean();
    RunningCedana dump(dump_arguments(target.pid(), {"--leave-running"}), options, folder());
    wait_for_text(folder() / "cedana.err", "waiting until the memory of process " + target.pid_text());
    ASSERT_EQ(::kill(server, SIGCONT), 0);
    const CedanaRun dumped = dump.wait();
    EXPECT_EQ(dumped.exit_code, 0) << dumped.err;
    EXPECT_TRUE(listed().empty());
    expect_right();
}

TEST_F(StoppedLazy, EndsItsTreeWhenItsCheckpointIsCutMeanwhile) {
    go();
    const Json restored = restored_midway();
    fs::resize_file(zip, 0);
    ASSERT_EQ(::kill(server_of(keeper_of(restored)), SIGCONT), 0);
    wait_for_end_of(keeper_of(restored));
    EXPECT_FALSE(is_running(target.pid()));
    EXPECT_EQ(lines_of(log), std::vector<std::string>{"ready"});
}

TEST_F(StoppedLazy, EndsItsTreeWithoutItsKeeperToo) {
    go();
    const Json restored = restored_midway();
    const pid_t server = server_of(keeper_of(restored));
    ASSERT_EQ(::kill(keeper_of(restored), SIGKILL), 0);
    wait_for_end_of(keeper_of(restored));
    fs::resize_file(zip, 0);
    ASSERT_EQ(::kill(server, SIGCONT), 0);
    wait_for_end_of(server);
    EXPECT_FALSE(is_running(target.pid()));
    EXPECT_EQ(lines_of(log), std::vector<std::string>{"ready"});
}

TEST_F(StoppedLazy, HasSessionsAndAControlGroupOfItsOwn) {
    const Json restored = restored_midway();
    const pid_t keeper = keeper_of(restored);
    const pid_t server = server_of(keeper);
    expect_kept_by_clean();
    const auto place = criu::place_for_own_cgroup();
    for (const pid_t pid : {keeper, server}) {
        EXPECT_EQ(::getsid(pid), pid);
        const std::string groups = read_file(fmt::format("/proc/{}/cgroup", pid));
        EXPECT_EQ(holds(groups, fmt::format("/cedana-criu.{}.", keeper)), place.has_value()) << groups;
    }
    ASSERT_EQ(::kill(server, SIGCONT), 0);
    wait_for_end_of(keeper);
    EXPECT_FALSE(place && has_group_of(*place, keeper));
}

TEST_F(StoppedLazy, GoesOnAfterCtrlCOfTheWait) {
    RunningCedana cedana({"client", "restore", "-v", "--lazy", "--wait", zip.string()}, options, folder());
    // Before that the hook runs, which a signal ends.
    wait_for_text(cedana.messages(), "waiting for memory");
    const std::vector<LazyTransfer> transfers = lazy_transfers();
    ASSERT_EQ(transfers.size(), 1U);
    const pid_t server = server_of(transfers.front().keeper);
    cedana.signal(SIGINT);
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 130) << run.err;
    EXPECT_TRUE(holds(run.err, "process " + target.pid_text() + " runs, and its memory goes on to come"));
    ASSERT_EQ(::kill(server, SIGCONT), 0);
    expect_right();
}

class WholeLazy : public Lazy {
  protected:
    void SetUp() override {
        Lazy::SetUp();
        target.emplace(program());
        wait_for_lines(log, 1);
        zip = dump_and_stop(*target);
    }
    // One of a frame amid the pages.
    void damage() const {
        std::fstream file(zip, std::ios::in | std::ios::out | std::ios::binary);
        const auto offset = static_cast<std::streamoff>(fs::file_size(zip) / 2);
        file.seekg(offset);
        const int byte = file.get();
        file.seekp(offset);
        file.put(static_cast<char>(byte ^ 1));
    }

    [[nodiscard]] virtual std::vector<std::string> program() const { return filled("pages_and_holes", 64); }

    std::optional<Target> target;
    fs::path zip;
};

// CRIU resumes the tree though nobody has heard of it yet: the server is stopped from before CRIU starts.
class UnheardLazy : public WholeLazy {
  protected:
    void SetUp() override {
        WholeLazy::SetUp();
        write_script(scratch("criu"),
                     fmt::format("#!/bin/sh\n"
                                 "[ \"$1\" = restore ] || exec criu \"$@\"\n"
                                 "until server=$(pgrep -x cedana-pages --ns $$ --nslist mnt); do sleep 0.01; done\n"
                                 "kill -STOP $server\n"
                                 "echo $server >{0}.new && mv {0}.new {0}\n"
                                 "[ ! -e {1} ] || read -r go <{1}\n"
                                 "criu \"$@\"\n"
                                 "code=$?\n"
                                 ": >{2}\n"
                                 "exit $code\n",
                                 server_file.string(), gate.string(), scratch("ended").string()));
        options.environment["CEDANA_CRIU_PATH"] = scratch("criu");
        go();
    }
    // Without an area for restartable sequences (rseq(2)): it is registered by the kernel before the tree runs, which
    // reads a page that nobody would bring.
    [[nodiscard]] std::vector<std::string> program() const override {
        std::vector<std::string> argv = WholeLazy::program();
        argv.insert(argv.begin(), {"/usr/bin/env", "GLIBC_TUNABLES=glibc.pthread.rseq=0"});
        return argv;
    }
    [[nodiscard]] std::vector<std::string> arguments() const { return {"client", "restore", "--lazy", zip.string()}; }
    void wait_for_end_of_criu() const { wait_for_file(scratch("ended")); }
    [[nodiscard]] pid_t server() const { return std::stoi(read_file(server_file)); }
    void expect_right() const { EXPECT_EQ(wait_for_lines(log, 2), (std::vector<std::string>{"ready", "right"})); }
    void expect_nothing() const {
        EXPECT_EQ(lines_of(log), std::vector<std::string>{"ready"});
        EXPECT_FALSE(is_running(target->pid()));
    }

    const fs::path server_file = scratch("server");
    // Where it is there, it holds CRIU before its start.
    const fs::path gate = scratch("gate");
};

TEST_F(UnheardLazy, IsNotRestoredBeforeItIsHeard) {
    RunningCedana cedana(arguments(), options, folder());
    wait_for_end_of_criu();
    const auto pidfd = open_pidfd(cedana.pid());
    ASSERT_TRUE(pidfd);
    EXPECT_FALSE(ends_within(*pidfd, std::chrono::milliseconds(500)));
    ASSERT_EQ(::kill(server(), SIGCONT), 0);
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 0) << run.err;
    expect_right();
}

TEST_F(UnheardLazy, EndsWhenItsServerIsKilled) {
    RunningCedana cedana(arguments(), options, folder());
    wait_for_end_of_criu();
    ASSERT_EQ(::kill(server(), SIGKILL), 0);
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 7) << run.err;
    EXPECT_TRUE(holds(run.err, "its memory cannot be completed")) << run.err;
    EXPECT_TRUE(own_children().empty());
    expect_nothing();
}

TEST_F(UnheardLazy, EndsWhenItsKeeperIsKilled) {
    RunningCedana cedana(arguments(), options, folder());
    wait_for_end_of_criu();
    ASSERT_EQ(::kill(lazy_transfers().at(0).keeper, SIGKILL), 0);
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 7) << run.err;
    EXPECT_TRUE(own_children().empty());
    expect_nothing();
}

TEST_F(UnheardLazy, EndsAtCtrlC) {
    RunningCedana cedana(arguments(), options, folder());
    wait_for_end_of_criu();
    cedana.signal(SIGINT);
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 130) << run.err;
    EXPECT_TRUE(own_children().empty());
    expect_nothing();
}

TEST_F(UnheardLazy, HasItsMemoryThoughTheCommandIsKilled) {
    RunningCedana cedana(arguments(), options, folder());
    wait_for_end_of_criu();
    cedana.signal(SIGKILL);
    static_cast<void>(cedana.wait());
    ASSERT_EQ(::kill(server(), SIGCONT), 0);
    expect_right();
}

TEST_F(UnheardLazy, EndsWhenTheCommandAndItsServerAreKilled) {
    RunningCedana cedana(arguments(), options, folder());
    wait_for_end_of_criu();
    const pid_t keeper = lazy_transfers().at(0).keeper;
    cedana.signal(SIGKILL);
    static_cast<void>(cedana.wait());
    ASSERT_EQ(::kill(server(), SIGKILL), 0);
    wait_for_end_of(keeper);
    expect_nothing();
}

TEST_F(UnheardLazy, IsNotBegunOnceTheCommandIsKilled) {
    ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
    RunningCedana cedana(arguments(), options, folder());
    wait_for_file(server_file);
    const pid_t keeper = lazy_transfers().at(0).keeper;
    ASSERT_EQ(::kill(server(), SIGCONT), 0);
    cedana.signal(SIGKILL);
    static_cast<void>(cedana.wait());
    wait_for_end_of(keeper);
    write_all(open_file(gate, O_WRONLY).get(), "go\n", gate);
    wait_for_end_of_criu();
    expect_nothing();
}

TEST_F(WholeLazy, AwaitedHasAllItsMemory) {
    const CedanaRun run = restore_lazily(zip, {"--wait"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_FALSE(lacks_memory(Procfs(), target->pid()));
    EXPECT_TRUE(is_running(target->pid()));
}

TEST_F(WholeLazy, ADamagedFrameEndsTheTreeBeforeItSeesIt) {
    damage();
    go();
    const CedanaRun run = restore_lazily(zip, {"--wait"});
    EXPECT_EQ(run.exit_code, 8) << run.err;
    EXPECT_TRUE(holds(run.err, "was ended: its memory cannot be completed"));
    EXPECT_TRUE(holds(run.err, "does not have the digest that the index gives"));
    EXPECT_FALSE(is_running(target->pid()));
    EXPECT_EQ(lines_of(log), std::vector<std::string>{"ready"});
    reap_all();
}

TEST_F(WholeLazy, ADamagedFrameIsToldInTheForeground) {
    damage();
    const CedanaRun run = restore_lazily(zip, {"--foreground"});
    EXPECT_EQ(run.exit_code, 8) << run.err;
    EXPECT_TRUE(holds(run.err, "was ended: its memory cannot be completed"));
    EXPECT_TRUE(holds(run.err, "does not have the digest that the index gives"));
    reap_all();
}

TEST_F(WholeLazy, ADamagedFrameIsToldIfTheTreeHasEndedBefore) {
    damage();
    write_script(
        scratch("hook"),
        fmt::format("#!/bin/sh\nwhile grep -q '^State:.[^ZX]' /proc/{}/status; do sleep 0.01; done\n", target->pid()));
    options.environment["CEDANA_ACTION_SCRIPTS_POST_RESTORE"] = scratch("hook");
    RunningCedana cedana({"client", "restore", "--lazy", zip.string()}, options, folder());
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 8) << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "was ended: its memory cannot be completed"));
}

TEST_F(WholeLazy, EndsInTheForegroundAsTheProgramDoes) {
    RunningCedana cedana({"client", "restore", "--lazy", "--foreground", zip.string()}, options, folder());
    go();
    EXPECT_EQ(wait_for_lines(log, 2).back(), "right");
    cedana.signal(SIGTERM);
    EXPECT_EQ(cedana.wait().exit_code, 128 + SIGTERM);
}

TEST_F(WholeLazy, VerifyFindsADamagedFrameBeforeAnythingRuns) {
    damage();
    const CedanaRun run = restore_lazily(zip, {"--verify"});
    EXPECT_EQ(run.exit_code, 8) << run.err;
    EXPECT_TRUE(own_children().empty());
}

TEST_F(WholeLazy, CtrlCBeforeTheTreeRunsLeavesNothing) {
    const HeldCriu held(folder(), "post-restore");
    RunningCedana cedana({"client", "restore", "--lazy", zip.string(), held.argument()}, options, folder());
    static_cast<void>(held.wait());
    cedana.signal(SIGINT);
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 130) << run.err;
    EXPECT_TRUE(own_children().empty());
    EXPECT_TRUE(lazy_transfers().empty());
}

TEST_F(WholeLazy, ADeathOfCriuLeavesNothing) {
    const HeldCriu held(folder(), "post-restore");
    RunningCedana cedana({"client", "restore", "--lazy", zip.string(), held.argument()}, options, folder());
    ASSERT_EQ(::kill(held.wait(), SIGKILL), 0);
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 7) << run.err;
    EXPECT_TRUE(holds(run.err, "nothing of it runs")) << run.err;
    EXPECT_TRUE(own_children().empty());
    EXPECT_TRUE(lazy_transfers().empty());
}

TEST_F(WholeLazy, AFaultOfCriuLeavesNothing) {
    options.environment["CRIU_FAULT"] = "6";
    const CedanaRun run = restore_lazily(zip);
    EXPECT_EQ(run.exit_code, 7) << run.err;
    EXPECT_TRUE(own_children().empty());
    options.environment.erase("CRIU_FAULT");
    go();
    static_cast<void>(restored_lazily(zip));
    EXPECT_EQ(wait_for_lines(log, 2).back(), "right");
}

} // namespace
} // namespace cedana::testing
