// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/process/lock.hpp"

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>

#include "unit/process/forked.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;
using testing::Forked;

constexpr ProcessId k_parent = {.pid = 10, .start_time = 100};
constexpr ProcessId k_child = {.pid = 11, .start_time = 101};
constexpr ProcessId k_other = {.pid = 12, .start_time = 102};

class TreeLockTest : public ::testing::Test {
  protected:
    std::size_t files() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
    }
    Error refusal(std::vector<ProcessId> ids) const {
        try {
            const TreeLock lock(std::move(ids), folder);
        } catch (const Error& error) {
            return error;
        }
        return {Fault::internal, "not refused"};
    }
    // Keeps the lock until it is killed.
    std::unique_ptr<Forked> locked_by_another_process(const std::vector<ProcessId>& ids) const {
        return std::make_unique<Forked>([&] { static_cast<void>(new TreeLock(ids, folder)); });
    }

    TempDir parent = TempDir(fs::temp_directory_path(), "lock-test");
    fs::path folder = parent.path() / "locks";
};

TEST_F(TreeLockTest, MakesAFolderForRootAlone) {
    const TreeLock lock({k_parent}, folder);
    struct ::stat info {};
    ASSERT_EQ(::stat(folder.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(TreeLockTest, IsHeldUntilItIsDestroyed) {
    {
        const TreeLock lock({k_parent, k_child}, folder);
        EXPECT_EQ(files(), 2U);
        EXPECT_EQ(refusal({k_parent}).fault(), Fault::dump_failed);
    }
    EXPECT_EQ(files(), 0U);
    EXPECT_NO_THROW(TreeLock({k_parent}, folder));
}

TEST_F(TreeLockTest, MovesWithItsOwner) {
    TreeLock first({k_parent}, folder);
    const TreeLock second(std::move(first));
    EXPECT_EQ(refusal({k_parent}).fault(), Fault::dump_failed);
}

TEST_F(TreeLockTest, OfAChildAndOfItsParentOverlap) {
    const auto holder = locked_by_another_process({k_child});
    const Error error = refusal({k_parent, k_child});
    EXPECT_EQ(error.fault(), Fault::dump_failed);
    EXPECT_EQ(error.message(), "process 11 is being checkpointed by cedana process " + std::to_string(holder->pid()));
}

TEST_F(TreeLockTest, LeavesNothingLockedWhenItIsRefused) {
    const auto holder = locked_by_another_process({k_child});
    static_cast<void>(refusal({k_parent, k_child, k_other}));
    EXPECT_EQ(files(), 1U);
    EXPECT_NO_THROW(TreeLock({k_parent, k_other}, folder));
}

TEST_F(TreeLockTest, EndsWithTheProcessThatHeldIt) {
    const auto holder = locked_by_another_process({k_parent});
    holder->kill_and_reap();
    EXPECT_NO_THROW(TreeLock({k_parent}, folder));
    EXPECT_EQ(files(), 0U);
}

TEST_F(TreeLockTest, StaleLocksAreRemovedAndHeldOnesStay) {
    const auto killed = locked_by_another_process({k_parent});
    killed->kill_and_reap();
    const TreeLock held({k_child}, folder);
    remove_stale_locks(folder);
    EXPECT_EQ(files(), 1U);
    EXPECT_TRUE(fs::exists(folder / fmt::format("{}.{}.lock", k_child.pid, k_child.start_time)));
}

TEST_F(TreeLockTest, TellsProcessesWithTheSamePidApart) {
    const TreeLock lock({k_parent}, folder);
    EXPECT_NO_THROW(TreeLock({{.pid = k_parent.pid, .start_time = k_parent.start_time + 1}}, folder));
}

TEST_F(TreeLockTest, TakesAProcessThatIsNamedTwiceOnce) { EXPECT_NO_THROW(TreeLock({k_parent, k_parent}, folder)); }

TEST_F(TreeLockTest, FollowsNoLink) {
    fs::create_directory(folder);
    fs::create_symlink(parent.path() / "victim", folder / "10.100.lock");
    EXPECT_THROW(TreeLock({k_parent}, folder), Error);
    EXPECT_FALSE(fs::exists(parent.path() / "victim"));
}

} // namespace
} // namespace cedana
