// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/zip_writer.hpp"
#include "cedana/base/files.hpp"

#include <csignal>

#include <fcntl.h>

#include "command/command_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class FailedRestore : public WithFakeCriu {
  protected:
    // Nothing was given to CRIU, so nothing runs.
    void expect_refused(const CedanaRun& run, int exit_code, const std::string& said) const {
        EXPECT_EQ(run.exit_code, exit_code);
        EXPECT_EQ(run.out, "");
        EXPECT_TRUE(holds(run.err, said));
        EXPECT_TRUE(criu_runs("restore").empty());
    }
    // CRIU had begun, and what it had started is gone.
    void expect_undone() const { EXPECT_FALSE(is_running(std::stoi(read_file(criu_file("child"))))); }

    static void remove_kept_log(const CedanaRun& run) { fs::remove(field_of(run.err, "log")); }
};

TEST_F(FailedRestore, IsExit2WhenThereIsNoSuchFile) {
    expect_refused(restore(store() / "missing.zip"), 2, "there is no checkpoint " + (store() / "missing.zip").string());
}

TEST_F(FailedRestore, IsExit8WhenTheFileIsNotAZip) {
    write_text(scratch("notes.zip"), "not a zip at all\n");
    expect_refused(restore(scratch("notes.zip")), 8, "is not a zip archive");
}

TEST_F(FailedRestore, IsExit8WhenTheFileIsEmpty) {
    write_text(scratch("empty.zip"), "");
    expect_refused(restore(scratch("empty.zip")), 8, "is empty");
}

TEST_F(FailedRestore, IsExit8WhenItIsAFolder) { EXPECT_EQ(restore(store()).exit_code, 8); }

TEST_F(FailedRestore, IsExit8WhenTheZipHasNoManifest) {
    const UniqueFd file = open_file(scratch("photos.zip"), O_RDWR | O_CREAT, 0600);
    std::vector<NamedEntry> entries;
    entries.push_back({.name = "photo.jpg", .source = memory_entry("light", Method::deflate, 1)});
    ZipWriter(file.get(), scratch("photos.zip")).write(std::move(entries));
    expect_refused(restore(scratch("photos.zip")), 8, "is not a checkpoint: it has no checkpoint_state.json");
}

TEST_F(FailedRestore, IsExit8WhenTheZipIsTruncated) {
    const fs::path zip = checkpoint();
    fs::resize_file(zip, fs::file_size(zip) / 2);
    expect_refused(restore(zip), 8, zip.string());
}

TEST_F(FailedRestore, IsExit8WhenTheLastByteIsMissing) {
    const fs::path zip = checkpoint();
    fs::resize_file(zip, fs::file_size(zip) - 1);
    expect_refused(restore(zip), 8, zip.string());
}

// Flips a byte behind the local header of an entry.
void damage_entry(const fs::path& zip, const std::string& name) {
    // The extra field of a local header is shorter.
    constexpr std::size_t k_behind_name = 60;
    std::string content = read_file(zip);
    char& byte = content.at(content.find(name) + name.size() + k_behind_name);
    byte = static_cast<char>(byte ^ 1);
    write_text(zip, content);
}

TEST_F(FailedRestore, IsExit8WhenAByteOfAnImageWasChangedAndNothingRuns) {
    const fs::path zip = checkpoint();
    damage_entry(zip, "images/pages-1.img");
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 8);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "pages-1.img"));
    EXPECT_FALSE(fs::exists(criu_file("child")));
}

TEST_F(FailedRestore, IsExit8WhenAByteOfTheIndexWasChanged) {
    const fs::path zip = checkpoint();
    damage_entry(zip, "index");
    expect_refused(restore(zip), 8, "index");
}

TEST_F(FailedRestore, IsExit7WhenTheProcessStillRunsAndNamesIt) {
    const Target target({"/bin/sleep", "infinity"});
    const CedanaRun dumped = dump(target);
    const CedanaRun run = restore(only_line(dumped.out));
    expect_refused(run, 7, "pid " + target.pid_text() + " is taken by sleep");
    EXPECT_TRUE(holds(run.err, "it still runs"));
    EXPECT_EQ(field_of(run.err, "hint"),
              "end it first (kill " + target.pid_text() + "), or restore a copy beside it with --new-pidns");
    EXPECT_TRUE(target.runs());
}

TEST_F(FailedRestore, IsExit7WhenCriuFails) {
    const fs::path zip = checkpoint();
    plan("log (00.030000) Error (criu/files-reg.c:2175): File var/log/x has bad size 5 (expect 3)\nat images fail");
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 7);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "nothing of it runs"));
    EXPECT_TRUE(holds(field_of(run.err, "cause"), "has another size now"));
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "put the file back"));
    EXPECT_TRUE(fs::exists(field_of(run.err, "log")));
    remove_kept_log(run);
}

TEST_F(FailedRestore, IsExit7WhenCriuIsKilled) {
    const fs::path zip = checkpoint();
    plan("at images die");
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 7);
    EXPECT_TRUE(holds(run.err, "killed by signal 9"));
    remove_kept_log(run);
}

TEST_F(FailedRestore, EndsWhatCriuHadStarted) {
    const fs::path zip = checkpoint();
    plan("at restored fail");
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 7);
    expect_undone();
    remove_kept_log(run);
}

TEST_F(FailedRestore, EndsWhatCriuHadStartedWhenCriuIsKilled) {
    const fs::path zip = checkpoint();
    plan("at restored die");
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 7);
    expect_undone();
    remove_kept_log(run);
}

TEST_F(FailedRestore, IsExit7WhenCriuEndsWellWithoutSayingWhatItRestored) {
    const fs::path zip = checkpoint();
    plan("at restored succeed");
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 7);
    EXPECT_EQ(run.out, "");
    expect_undone();
    remove_kept_log(run);
}

TEST_F(FailedRestore, IsExit130WhenInterruptedAndNothingRuns) {
    const fs::path zip = checkpoint();
    plan("at restored stay");
    RunningCedana running({"client", "restore", zip}, options, folder());
    wait_for_file(criu_file("at-restored"));
    running.signal(SIGINT);
    const CedanaRun run = running.wait();
    EXPECT_EQ(run.exit_code, 130);
    EXPECT_EQ(run.out, "");
    expect_undone();
}

TEST_F(FailedRestore, LeavesTheCheckpointForAnotherTry) {
    const fs::path zip = checkpoint();
    const std::string before = read_file(zip);
    plan("at images fail");
    remove_kept_log(restore(zip));
    EXPECT_TRUE(read_file(zip) == before);
    plan("");
    const CedanaRun run = restore(zip);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
}

TEST_F(FailedRestore, IsExit4WhenTheUserIsNotRoot) {
    const fs::path zip = checkpoint();
    // The build may lie where only root can go.
    options.executable = scratch("cedana");
    fs::copy_file(cedana_executable(), *options.executable);
    options.user = {k_nobody, k_nobody};
    options.home = scratch("home-of-nobody");
    expect_refused(restore(zip), 4, "only root can restore processes");
}

TEST_F(FailedRestore, IsExit5WhenCriuIsMissing) {
    const fs::path zip = checkpoint();
    options.environment["CEDANA_CRIU_PATH"] = scratch("no-criu");
    expect_refused(restore(zip), 5, scratch("no-criu").string());
}

} // namespace
} // namespace cedana::testing
