// SPDX-License-Identifier: Apache-2.0
// Restores that are difficult, and restores that must fail and leave nothing behind.
#include "cedana/base/files.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/criu/command.hpp"

#include <csignal>
#include <fstream>
#include <optional>
#include <set>

#include <spdlog/fmt/fmt.h>

#include "support/wait.hpp"
#include "system/moments.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

using RestoreMany = System;

TEST_F(RestoreMany, ProcessesThatShareMemoryComeBackThroughASmallBuffer) {
    constexpr std::size_t k_processes = 64;
    const fs::path log = scratch("answers");
    Target target({target_program("shared"), log, std::to_string(k_processes)});
    wait_for_lines(log, k_processes);
    options.environment["CEDANA_ARCHIVE_BUFFER_MIB"] = "16";
    const fs::path zip = dump_and_stop(target);
    restore_as(target.pid(), zip);
    const Manifest manifest = Checkpoint(zip, Keyring()).manifest();
    ASSERT_EQ(manifest.tree.size(), k_processes);
    for (const ManifestProcess& process : manifest.tree)
        ASSERT_EQ(::kill(process.pid, SIGUSR1), 0);
    std::set<std::string> expected;
    for (std::size_t process = 0; process < k_processes; ++process)
        for (const char* state : {" ready", " right"})
            expected.insert(std::to_string(process) + state);
    const std::vector<std::string> lines = wait_for_lines(log, 2 * k_processes);
    EXPECT_EQ(std::set(lines.begin(), lines.end()), expected);
}

using RestoreElsewhere = System;

// A host without them is this one once they are gone.
TEST_F(RestoreElsewhere, NamesAllThatIsMissingBeforeAnythingRuns) {
    const fs::path place = scratch("place");
    fs::create_directory(place);
    const fs::path program = place / "counter";
    fs::copy_file(target_program("counter"), program);
    std::ofstream(place / "read") << "12345";
    const fs::path log = scratch("count");
    Target target(
        {"/bin/bash", "-c", "cd " + place.string() + " && exec 3<read && exec ./counter " + log.string() + " 1"});
    wait_for_more_lines(log, 1);
    const fs::path zip = dump_and_stop(target);
    fs::remove(program);
    std::ofstream(place / "read", std::ios::app) << "6";
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 5);
    EXPECT_TRUE(holds(run.err, program.string() + ": missing")) << run.err;
    EXPECT_TRUE(holds(run.err, (place / "read").string() + ": had 5 bytes, has 6")) << run.err;
    EXPECT_TRUE(own_children().empty());
}

// A checkpoint of a counting program of which nothing runs any more.
class FailingRestore : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        wait_for_more_lines(log, k_steps);
    }
    void expect_that_a_restore_works(const fs::path& zip) const {
        restore_as(target.pid(), zip);
        EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
    }

    const fs::path log = scratch("count");
    // Of memory that does not compress, so that nearly all of the checkpoint is pages.
    Target target{{target_program("counter"), log, "64"}};
};

void flip_a_bit_at(const fs::path& path, std::uintmax_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ 1));
}

TEST_F(FailingRestore, OfATruncatedCheckpointRunsNothing) {
    const fs::path zip = dump_and_stop(target);
    fs::resize_file(zip, fs::file_size(zip) / 2);
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 8) << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(own_children(), std::vector<pid_t>());
}

TEST_F(FailingRestore, OfPagesWithAWrongBitRunsNothing) {
    const fs::path zip = dump_and_stop(target);
    flip_a_bit_at(zip, fs::file_size(zip) / 2);
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 8) << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(own_children(), std::vector<pid_t>());
}

TEST_F(FailingRestore, BesideTheOriginalNamesItAndLeavesItAlone) {
    const CedanaRun dumped = dump(target.pid());
    const CedanaRun run = restore(only_line(dumped.out));
    EXPECT_EQ(run.exit_code, 7) << run.err;
    EXPECT_TRUE(holds(run.err, "pid " + target.pid_text() + " is taken by counter"));
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
    EXPECT_TRUE(target.runs());
}

// A parent that is slow to reap holds the pid; here the test is that parent.
TEST_F(FailingRestore, WaitsForAZombieUntilItsParentHasReapedIt) {
    const CedanaRun dumped = dump(target.pid());
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    const auto pidfd = open_pidfd(target.pid());
    ASSERT_EQ(::kill(target.pid(), SIGKILL), 0);
    wait_for_end(*pidfd);
    RunningCedana cedana({"client", "restore", only_line(dumped.out)}, options, folder());
    wait_for_text(scratch("cedana.err"), "waiting until process " + std::to_string(::getpid()) +
                                             " reaps its ended child " + target.pid_text());
    target.wait_end();
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

TEST_F(FailingRestore, ByADeathOfCriuRunsNothingAndCanBeTriedAgain) {
    const fs::path zip = dump_and_stop(target);
    const HeldCriu held(folder(), "post-restore");
    RunningCedana cedana({"client", "restore", zip, held.argument()}, options, folder());
    ASSERT_EQ(::kill(held.wait(), SIGKILL), 0);
    const CedanaRun run = cedana.wait();
    EXPECT_EQ(run.exit_code, 7) << run.err;
    EXPECT_EQ(own_children(), std::vector<pid_t>());
    expect_that_a_restore_works(zip);
}

// What CRIU has begun waits for it, and both who would end it are gone. Not even a log that is too long to be read as a
// whole keeps the guard from ending it.
TEST_F(FailingRestore, ByADeathOfBothCriuAndCedanaRunsNothingAndCanBeTriedAgain) {
    const fs::path zip = dump_and_stop(target);
    const HeldCriu held(folder(), "post-restore");
    RunningCedana cedana({"client", "restore", zip, held.argument()}, options, folder());
    const pid_t criu = held.wait();
    fs::resize_file(fmt::format("/proc/{}/cwd/{}", criu, criu::k_restore_log), 65UL * 1024 * 1024);
    // Else they would see the end of the images, and some would end by themselves.
    ASSERT_EQ(::kill(criu, SIGSTOP), 0);
    const std::vector<pid_t> begun = children_of(criu);
    ASSERT_FALSE(begun.empty());
    for (const pid_t pid : begun)
        ASSERT_EQ(::kill(pid, SIGSTOP), 0);
    cedana.signal(SIGKILL);
    EXPECT_EQ(cedana.wait().exit_code, -1);
    ::kill(criu, SIGKILL);
    // The guard, which came to this process.
    reap_all();
    for (const pid_t pid : begun)
        EXPECT_FALSE(is_running(pid));
    expect_that_a_restore_works(zip);
}

TEST_F(FailingRestore, BesideADeathOfItsGuardRunsNothing) {
    const fs::path zip = dump_and_stop(target);
    const HeldCriu held(folder(), "post-restore");
    RunningCedana cedana({"client", "restore", zip, held.argument()}, options, folder());
    static_cast<void>(held.wait());
    ASSERT_EQ(::kill(only_child_of(cedana.pid()), SIGKILL), 0);
    EXPECT_EQ(cedana.wait().exit_code, 7);
    EXPECT_EQ(own_children(), std::vector<pid_t>());
    expect_that_a_restore_works(zip);
}

// Faults that CRIU brings about in itself: CRIU_FAULT of criu/include/fault-injection.h.
class CriuFaultAtRestore : public FailingRestore, public ::testing::WithParamInterface<const char*> {};

TEST_P(CriuFaultAtRestore, RunsNothingAndCanBeTriedAgain) {
    const fs::path zip = dump_and_stop(target);
    options.environment["CRIU_FAULT"] = GetParam();
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 7) << run.err;
    EXPECT_TRUE(holds(run.err, "nothing of it runs"));
    EXPECT_EQ(own_children(), std::vector<pid_t>());
    options.environment.erase("CRIU_FAULT");
    expect_that_a_restore_works(zip);
}

// 2: the root task fails; 6: after everything was restored.
INSTANTIATE_TEST_SUITE_P(Faults, CriuFaultAtRestore, ::testing::Values("2", "6"));

// A program with an open file that has lost the name by which it was opened, and has another.
class RestoreOfALostName : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        fs::create_directory(place);
        std::ofstream(place / "lost") << "content\n";
        fs::create_hard_link(place / "lost", place / "kept");
        target.emplace(std::vector<std::string>{"/bin/bash", "-c",
                                                "exec 3<" + (place / "lost").string() + " && rm " +
                                                    (place / "lost").string() + " && exec " +
                                                    target_program("counter") + " " + log.string() + " 1"});
        wait_for_more_lines(log, k_steps);
    }

    const fs::path place = scratch("place");
    const fs::path log = scratch("count");
    std::optional<Target> target;
};

// Fault 4: CRIU kills the process that opens the file.
TEST_F(RestoreOfALostName, ThatFailsThereRunsNothingAndCanBeTriedAgain) {
    const fs::path zip = dump_and_stop(*target);
    const std::vector<std::string> names = names_in(place);
    ASSERT_EQ(names.size(), 2U);
    options.environment["CRIU_FAULT"] = "4";
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 7) << run.err;
    EXPECT_TRUE(holds(run.err, "nothing of it runs"));
    EXPECT_EQ(own_children(), std::vector<pid_t>());
    EXPECT_EQ(names_in(place), names);
    options.environment.erase("CRIU_FAULT");
    restore_as(target->pid(), zip);
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
    EXPECT_EQ(read_file("/proc/" + target->pid_text() + "/fd/3"), "content\n");
}

// In a time namespace, at first in that of this process.
class RestoredClock : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        if (!fs::exists("/proc/self/ns/time"))
            cannot_run("the kernel has no time namespaces");
        wait_for_more_lines(log, k_steps);
    }
    [[nodiscard]] CedanaRun restore_with(const std::string& clocks, const fs::path& zip) const {
        return run_cedana({"client", "restore", "--clocks", clocks, zip.string()}, options);
    }
    [[nodiscard]] bool lives_in_ours() const {
        return fs::read_symlink("/proc/" + target.pid_text() + "/ns/time") == fs::read_symlink("/proc/self/ns/time");
    }

    fs::path log = scratch("count");
    Target target{{target_program("counter"), log, "1"}};
};

TEST_F(RestoredClock, IsThatOfTheHostWhereThatIsWanted) {
    const CedanaRun run = restore_with("host", dump_and_stop(target));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(lives_in_ours());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

TEST_F(RestoredClock, IsThatOfTheHostAgainForATreeThatHadItsOwn) {
    restore_as(target.pid(), dump_and_stop(target));
    EXPECT_FALSE(lives_in_ours());
    const CedanaRun stopped = dump(target.pid(), {"--stop"});
    ASSERT_EQ(stopped.exit_code, 0) << stopped.err;
    reap_all();
    const CedanaRun run = restore_with("auto", only_line(stopped.out));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(lives_in_ours());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

} // namespace
} // namespace cedana::testing
