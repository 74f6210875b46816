// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/undo/work_folder.hpp"

#include <chrono>
#include <csignal>
#include <optional>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

constexpr int k_may_not_mount = 77;

class WorkFolderTest : public test::InTempFolder {
  protected:
    // The pid of a process that made a work folder and was killed.
    [[nodiscard]] pid_t killed_owner() const {
        const pid_t pid = ::fork();
        if (pid == 0) {
            const WorkFolder folder(WorkKind::restore, path(""));
            ::kill(::getpid(), SIGKILL);
        }
        ::waitpid(pid, nullptr, 0);
        return pid;
    }
};

TEST_F(WorkFolderTest, IsBusyWhileItsMakerLives) {
    const WorkFolder folder(WorkKind::dump, path(""));
    const WorkFolders found = find_work_folders(path(""));
    EXPECT_TRUE(found.abandoned.empty());
    EXPECT_EQ(found.busy,
              (std::vector<BusyWork>{{.path = folder.path(), .kind = WorkKind::dump, .cedana = ::getpid()}}));
}

TEST_F(WorkFolderTest, IsGoneAfterItsScope) {
    { const WorkFolder folder(WorkKind::dump, path("")); }
    EXPECT_TRUE(find_work_folders(path("")).busy.empty());
    EXPECT_TRUE(std::filesystem::is_empty(path("")));
}

TEST_F(WorkFolderTest, ThatItsMakerDidNotRemoveToItsEndIsRemoved) {
    std::filesystem::create_directories(path("ended.dump.4194304.XXXXXX/left"));
    std::filesystem::create_directory(path("ended.dump.1.XXXXXX"));
    EXPECT_TRUE(find_work_folders(path("")).abandoned.empty());
    EXPECT_EQ(remove_ended_work(path("")), std::vector<std::filesystem::path>{path("ended.dump.4194304.XXXXXX")});
    EXPECT_FALSE(std::filesystem::exists(path("ended.dump.4194304.XXXXXX")));
    EXPECT_TRUE(std::filesystem::exists(path("ended.dump.1.XXXXXX")));
}

// As a CRIU that was killed leaves control groups.
TEST_F(WorkFolderTest, IsRemovedWithoutWhatIsMountedInIt) {
    std::filesystem::create_directory(path("elsewhere"));
    write("elsewhere/kept", "");
    std::filesystem::create_directories(path("restore.4194304.XXXXXX/yard/groups"));
    const pid_t pid = ::fork();
    if (pid == 0) {
        const std::filesystem::path yard = path("restore.4194304.XXXXXX/yard");
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", yard.c_str(), "tmpfs", 0, nullptr) != 0 ||
            !std::filesystem::create_directory(yard / "groups") ||
            ::mount(path("elsewhere").c_str(), (yard / "groups").c_str(), nullptr, MS_BIND, nullptr) != 0)
            ::_exit(k_may_not_mount);
        try {
            remove_work(path("restore.4194304.XXXXXX"));
        } catch (const Error&) {
            ::_exit(1);
        }
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (WEXITSTATUS(status) == k_may_not_mount)
        GTEST_SKIP() << "may not mount here";
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(std::filesystem::exists(path("elsewhere/kept")));
    EXPECT_FALSE(std::filesystem::exists(path("restore.4194304.XXXXXX")));
    EXPECT_FALSE(std::filesystem::exists(path("ended.restore.4194304.XXXXXX")));
}

TEST_F(WorkFolderTest, IsAbandonedOnceItsMakerWasKilled) {
    const pid_t maker = killed_owner();
    const WorkFolders found = find_work_folders(path(""));
    ASSERT_EQ(found.abandoned.size(), 1U);
    EXPECT_EQ(found.abandoned.front().cedana, maker);
    EXPECT_EQ(found.abandoned.front().kind, WorkKind::restore);
}

TEST_F(WorkFolderTest, IsTakenUpByOneAtATime) {
    static_cast<void>(killed_owner());
    const WorkFolders first = find_work_folders(path(""));
    ASSERT_EQ(first.abandoned.size(), 1U);
    EXPECT_TRUE(find_work_folders(path("")).abandoned.empty());
}

TEST_F(WorkFolderTest, IsBusyWhileACriuOutlivesItsMaker) {
    std::filesystem::create_directory(path("dump.4194304.XXXXXX"));
    UniqueFd lock = open_file(path("dump.4194304.XXXXXX/lock"), O_RDWR | O_CREAT, 0600);
    ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
    std::optional<ChildProcess> criu =
        ChildProcess::spawn({.argv = {"sleep", "60"}, .fds = {{lock.get(), 3}}, .grace = std::chrono::seconds(0)});
    lock.reset();
    EXPECT_EQ(find_work_folders(path("")).busy.size(), 1U);
    criu.reset();
    EXPECT_EQ(find_work_folders(path("")).abandoned.size(), 1U);
}

TEST_F(WorkFolderTest, WithoutALockIsJudgedByItsMaker) {
    std::filesystem::create_directory(path("dump.1.XXXXXX"));
    std::filesystem::create_directory(path("dump.4194304.XXXXXX"));
    const WorkFolders found = find_work_folders(path(""));
    ASSERT_EQ(found.abandoned.size(), 1U);
    EXPECT_EQ(found.abandoned.front().path.filename(), "dump.4194304.XXXXXX");
    EXPECT_EQ(found.busy.size(), 1U);
}

TEST_F(WorkFolderTest, IsNotThatOfWhoGotThePidOfItsMakerLater) {
    std::filesystem::create_directory(path("dump.1.4711.XXXXXX"));
    std::filesystem::create_directories(path("ended.dump.1.4711.XXXXXX/left"));
    EXPECT_TRUE(find_work_folders(path("")).busy.empty());
    EXPECT_EQ(find_work_folders(path("")).abandoned.size(), 1U);
    EXPECT_EQ(remove_ended_work(path("")).size(), 1U);
}

TEST_F(WorkFolderTest, IsNothingElseThatLiesThere) {
    std::filesystem::create_directory(path("locks"));
    write("dump.12", "");
    const WorkFolders found = find_work_folders(path(""));
    EXPECT_TRUE(found.abandoned.empty());
    EXPECT_TRUE(found.busy.empty());
}

} // namespace
} // namespace cedana
