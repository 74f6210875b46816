// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/undo/dump_record.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

class DumpRecordTest : public test::InTempFolder {
  protected:
    DumpRecordTest() { fs::create_directory(work); }

    // A file that has lost the name "lost", and to which CRIU has given another one.
    [[nodiscard]] RenamedFile renamed() const {
        write("kept", "content");
        fs::create_hard_link(path("kept"), path("link_remap.4"));
        struct ::stat info {};
        EXPECT_EQ(::stat(path("kept").c_str(), &info), 0);
        return {.path = path("lost"), .device = info.st_dev, .inode = info.st_ino};
    }
    [[nodiscard]] static ProcessId gone() { return {.pid = ::getpid(), .start_time = 1}; }
    [[nodiscard]] static ProcessId living() {
        const Procfs procfs;
        return ProcessHandle::open(procfs, ::getpid()).id();
    }

    const fs::path work = path("work");
};

TEST_F(DumpRecordTest, ComesBackAsItWasWritten) {
    const DumpRecord written{.processes = {{.pid = 7, .start_time = 18'000'000'000'000'000'000U}},
                             .files = {{.path = "/a\xff\n", .device = 1, .inode = 18'000'000'000'000'000'000U}},
                             .names_before = {"/link_remap.1\xff"}};
    write_record(written, work);
    const auto read = read_record(work);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->processes, written.processes);
    ASSERT_EQ(read->files.size(), 1U);
    EXPECT_EQ(read->files[0].path, written.files[0].path);
    EXPECT_EQ(read->files[0].inode, written.files[0].inode);
    EXPECT_EQ(read->names_before, written.names_before);
}

TEST_F(DumpRecordTest, IsAbsentUntilItIsWritten) { EXPECT_FALSE(read_record(work)); }

TEST_F(DumpRecordTest, ThatWasNotWrittenWholeIsAbsent) {
    write_record({.processes = {living()}}, work);
    fs::resize_file(work / "dump.record", 5);
    EXPECT_FALSE(read_record(work));
}

TEST_F(DumpRecordTest, HoldsWhatTheTreeForkedUntilItWasFrozen) {
    const Procfs procfs;
    Pipe hold = make_pipe();
    const pid_t child = ::fork();
    if (child == 0) {
        hold.write_end.reset();
        char byte = 0;
        ::_exit(static_cast<int>(::read(hold.read_end.get(), &byte, 1)));
    }
    ProcessHandle root = ProcessHandle::open(procfs, child);
    DumpRecord record{.processes = {gone()}, .names_before = {"/link_remap.1"}};
    write_record(record, work);
    record_frozen_tree(record, read_frozen_tree(procfs, std::move(root)), work);
    hold.write_end.reset();
    const auto read = read_record(work);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->processes.size(), 1U);
    EXPECT_EQ(read->processes[0].pid, child);
    EXPECT_EQ(read->names_before, record.names_before);
    ::waitpid(child, nullptr, 0);
}

TEST_F(DumpRecordTest, TakesBackNamesOfFilesWhenNoCheckpointWaitsForThem) {
    const UndoneDump taken = undo_dump({.processes = {gone()}, .files = {renamed()}}, work);
    EXPECT_EQ(taken.names, std::vector<fs::path>{path("link_remap.4")});
    EXPECT_FALSE(fs::exists(path("link_remap.4")));
    EXPECT_TRUE(fs::exists(path("kept")));
}

TEST_F(DumpRecordTest, LeavesNamesThatWereThereBefore) {
    const UndoneDump taken =
        undo_dump({.processes = {gone()}, .files = {renamed()}, .names_before = {path("link_remap.4").string()}}, work);
    EXPECT_TRUE(taken.names.empty());
    EXPECT_TRUE(fs::exists(path("link_remap.4")));
}

TEST_F(DumpRecordTest, LeavesAllToACheckpointWhoseTreeHasEnded) {
    record_published("/store/a.zip", work);
    const UndoneDump taken = undo_dump({.processes = {gone()}, .files = {renamed()}}, work);
    EXPECT_EQ(taken.waits_for, fs::path("/store/a.zip"));
    EXPECT_TRUE(fs::exists(path("link_remap.4")));
}

TEST_F(DumpRecordTest, TakesItBackFromATreeThatRunsOnAfterAll) {
    record_published("/store/a.zip", work);
    const UndoneDump taken = undo_dump({.processes = {living()}, .files = {renamed()}}, work);
    EXPECT_FALSE(taken.waits_for);
    EXPECT_FALSE(fs::exists(path("link_remap.4")));
}

} // namespace
} // namespace cedana
