// SPDX-License-Identifier: Apache-2.0
// Files that a program has open for writing are put back as they were at the checkpoint, whatever became of them since.
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <csignal>

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/wait.hpp"
#include "system/moments.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

// The one file in a folder that holds what was at `path` before a restore.
fs::path backup_of(const fs::path& path) {
    std::vector<std::string> found;
    for (const std::string& name : names_in(path.parent_path()))
        if (name.starts_with(path.filename().string() + ".cedana-backup-"))
            found.push_back(name);
    return path.parent_path() / only(found);
}

class PutBackFiles : public System {
  protected:
    PutBackFiles() { fs::create_directories(data()); }
    [[nodiscard]] fs::path data() const { return fs::canonical(folder()) / "data"; }
    [[nodiscard]] fs::path file(const std::string& name) const { return data() / name; }

    // The program runs on.
    fs::path dump_left_running(const Target& target) const {
        const CedanaRun run = dump(target.pid());
        EXPECT_EQ(run.exit_code, 0) << run.err;
        EXPECT_FALSE(holds(run.err, "warning"));
        return only_line(run.out);
    }
    CedanaRun restore(const fs::path& zip, const std::vector<std::string>& more = {}) const {
        std::vector<std::string> arguments = {"client", "restore", zip};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run_cedana(arguments, options);
    }
    void expect_restored(const CedanaRun& run, pid_t pid) const {
        EXPECT_EQ(run.exit_code, 0) << run.err;
        EXPECT_EQ(run.out, std::to_string(pid) + "\n");
    }
    void expect_refused(const CedanaRun& run, const std::string& said, int exit_code = 7) const {
        EXPECT_EQ(run.exit_code, exit_code);
        EXPECT_TRUE(holds(run.err, said));
        EXPECT_EQ(own_children(), std::vector<pid_t>());
    }
};

// The program goes on after the dump, dies, and is restored from a checkpoint of which its files know nothing any more.
TEST_F(PutBackFiles, OfAProgramThatWroteOnAndDied) {
    require_program("/usr/bin/python3", "python3");
    Target target({"/usr/bin/python3", script("logs.py"), data()});
    wait_for_lines(file("appended"), k_steps);
    const fs::path zip = dump_left_running(target);
    wait_for_more_lines(file("appended"), k_steps);
    target.end();
    const std::vector<std::string> appended = lines_of(file("appended"));
    const std::vector<std::string> written = lines_of(file("written"));
    const std::string updated = read_file(file("updated"));

    expect_restored(restore(zip), target.pid());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(file("appended"), k_steps)));
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(file("written"), k_steps)));
    EXPECT_TRUE(is_running(target.pid()));
    EXPECT_EQ(lines_of(backup_of(file("appended"))), appended);
    EXPECT_EQ(lines_of(backup_of(file("written"))), written);
    EXPECT_EQ(read_file(backup_of(file("updated"))), updated);
}

TEST_F(PutBackFiles, AgainFromTheSameCheckpoint) {
    const fs::path log = file("log");
    Target target({target_program("counter"), log, "1"});
    wait_for_lines(log, k_steps);
    const fs::path zip = dump_left_running(target);
    target.end();
    for (int time = 0; time < 3; ++time) {
        expect_restored(restore(zip), target.pid());
        EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
        kill_child(target.pid());
    }
}

TEST_F(PutBackFiles, OfADatabaseInUse) {
    require_program("/usr/bin/python3", "python3");
    const fs::path log = file("log");
    Target target({"/usr/bin/python3", script("ledger.py"), file("ledger.db"), log});
    wait_for_lines(log, k_steps);
    const fs::path zip = dump_left_running(target);
    wait_for_more_lines(log, 5 * k_steps);
    target.end();
    expect_restored(restore(zip), target.pid());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, 5 * k_steps)));
    EXPECT_TRUE(is_running(target.pid()));
}

class PutBackLog : public PutBackFiles {
  protected:
    void SetUp() override {
        PutBackFiles::SetUp();
        wait_for_lines(log, k_steps);
    }
    [[nodiscard]] std::vector<std::string> names() const { return names_in(data()); }

    const fs::path log = file("log");
    Target target{{target_program("counter"), log, "16"}};
};

TEST_F(PutBackLog, ThatWasDeleted) {
    ASSERT_EQ(::chown(log.c_str(), 1234, 4321), 0);
    ASSERT_EQ(::chmod(log.c_str(), 0640), 0);
    const fs::path zip = dump_and_stop(target);
    fs::remove(log);
    expect_restored(restore(zip), target.pid());
    struct ::stat info {};
    ASSERT_EQ(::stat(log.c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 1234U);
    EXPECT_EQ(info.st_gid, 4321U);
    EXPECT_EQ(info.st_mode & 07777U, 0640U);
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
    EXPECT_EQ(names(), std::vector<std::string>{"log"});
}

TEST_F(PutBackLog, ThatWasMovedAwayByALogRotation) {
    const fs::path zip = dump_and_stop(target);
    const std::string before = read_file(log);
    fs::rename(log, file("log.1"));
    write_text(log, "of another run\n");
    expect_restored(restore(zip), target.pid());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
    EXPECT_EQ(read_file(file("log.1")), before);
    EXPECT_EQ(read_file(backup_of(log)), "of another run\n");
}

TEST_F(PutBackLog, ThatIsTheSameIsLeftAlone) {
    const fs::path zip = dump_and_stop(target);
    struct ::stat before {};
    ASSERT_EQ(::stat(log.c_str(), &before), 0);
    const CedanaRun run = restore(zip);
    expect_restored(run, target.pid());
    EXPECT_EQ(run.err, "");
    struct ::stat after {};
    ASSERT_EQ(::stat(log.c_str(), &after), 0);
    EXPECT_EQ(after.st_ino, before.st_ino);
    EXPECT_EQ(names(), std::vector<std::string>{"log"});
}

TEST_F(PutBackLog, IsRefusedWhereALinkWasPlanted) {
    const fs::path zip = dump_and_stop(target);
    fs::remove(log);
    write_text(scratch("shadow"), "secret\n");
    fs::create_symlink(scratch("shadow"), log);
    expect_refused(restore(zip), "symbolic link", 8);
    EXPECT_EQ(read_file(scratch("shadow")), "secret\n");
    EXPECT_TRUE(fs::is_symlink(log));
}

TEST_F(PutBackLog, ThatAnotherProcessHasOpenIsRefusedWithoutForce) {
    const fs::path zip = dump_left_running(target);
    wait_for_more_lines(log, k_steps);
    target.end();
    const std::string before = read_file(log);
    const Target shipper({"/bin/sleep", "infinity"}, log);
    const CedanaRun refused = restore(zip);
    EXPECT_EQ(refused.exit_code, 7);
    EXPECT_TRUE(holds(refused.err, "process " + shipper.pid_text() + " (sleep) has it open for writing"));
    EXPECT_EQ(read_file(log), before);
    expect_restored(restore(zip, {"--force"}), target.pid());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

TEST_F(PutBackLog, OverTheLimitIsRefusedAndThenCut) {
    options.environment["CEDANA_FILES_CAPTURE_LIMIT_MIB"] = "0";
    const CedanaRun dumped = dump(target.pid());
    EXPECT_TRUE(holds(dumped.err, "is over files.capture_limit_mib"));
    wait_for_more_lines(log, k_steps);
    target.end();
    const std::vector<std::string> before = lines_of(log);
    const fs::path zip = only_line(dumped.out);
    expect_refused(restore(zip), "it has grown to");
    EXPECT_EQ(lines_of(log), before);
    expect_restored(restore(zip, {"--truncate-grown"}), target.pid());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
    const std::vector<std::string> tail = lines_of(backup_of(log));
    EXPECT_EQ(tail.back(), before.back());
    EXPECT_TRUE(count_on_from(std::stoul(tail.front()), tail));
}

// 2: the root task fails; 6: after everything was restored.
class PutBackUndone : public PutBackLog, public ::testing::WithParamInterface<const char*> {};

TEST_P(PutBackUndone, WhenCriuFails) {
    const fs::path zip = dump_left_running(target);
    wait_for_more_lines(log, k_steps);
    target.end();
    const std::string before = read_file(log);
    options.environment["CRIU_FAULT"] = GetParam();
    expect_refused(restore(zip), "nothing of it runs");
    EXPECT_EQ(read_file(log), before);
    EXPECT_EQ(names(), std::vector<std::string>{"log"});
    options.environment.erase("CRIU_FAULT");
    expect_restored(restore(zip), target.pid());
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(log, k_steps)));
}

INSTANTIATE_TEST_SUITE_P(Faults, PutBackUndone, ::testing::Values("2", "6"));

// A restore that is met while CRIU still reads the pages: there are enough of them.
class PutBackInterrupted : public PutBackFiles {
  protected:
    void SetUp() override {
        PutBackFiles::SetUp();
        wait_for_lines(log, k_steps);
        zip = dump_left_running(target);
        wait_for_more_lines(log, k_steps);
        target.end();
        before = read_file(log);
    }
    CedanaRun interrupt_restore(int signal) const {
        const HeldCriu held(folder(), "post-restore");
        RunningCedana cedana({"client", "restore", zip, held.argument()}, options, folder());
        static_cast<void>(held.wait());
        cedana.signal(signal);
        return cedana.wait();
    }

    const fs::path log = file("log");
    Target target{{target_program("counter"), log, "16"}};
    fs::path zip;
    std::string before;
};

TEST_F(PutBackInterrupted, BySigtermIsUndone) {
    EXPECT_EQ(interrupt_restore(SIGTERM).exit_code, 130);
    EXPECT_EQ(read_file(log), before);
    EXPECT_EQ(names_in(data()), std::vector<std::string>{"log"});
}

TEST_F(PutBackInterrupted, BySigkillLosesNothing) {
    EXPECT_EQ(interrupt_restore(SIGKILL).exit_code, -1);
    EXPECT_EQ(read_file(backup_of(log)), before);
}

} // namespace
} // namespace cedana::testing
