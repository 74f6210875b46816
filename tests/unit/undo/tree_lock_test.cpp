// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/undo/tree_lock.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "unit/process/forked.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;
using testing::Forked;

constexpr pid_t k_parent = 10;
constexpr pid_t k_child = 11;
constexpr pid_t k_other = 12;

class TreeLockTest : public ::testing::Test {
  protected:
    std::size_t files() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
    }
    [[nodiscard]] TreeLock locked(std::vector<pid_t> pids, LockedFor purpose = LockedFor::dump) const {
        TreeLock lock(purpose, folder);
        lock.add(std::move(pids));
        return lock;
    }
    [[nodiscard]] Error refusal(std::vector<pid_t> pids, LockedFor purpose = LockedFor::dump) const {
        try {
            const TreeLock lock = locked(std::move(pids), purpose);
        } catch (const Error& error) {
            return error;
        }
        return {Fault::internal, "not refused"};
    }
    // Keeps the lock until it is killed.
    std::unique_ptr<Forked> locked_by_another_process(const std::vector<pid_t>& pids,
                                                      LockedFor purpose = LockedFor::dump) const {
        return std::make_unique<Forked>([&] { static_cast<void>(new TreeLock(locked(pids, purpose))); });
    }

    TempDir parent = TempDir(fs::temp_directory_path(), "lock-test");
    fs::path folder = parent.path() / "locks";
};

TEST_F(TreeLockTest, MakesAFolderForRootAlone) {
    const TreeLock lock = locked({k_parent});
    struct ::stat info {};
    ASSERT_EQ(::stat(folder.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(TreeLockTest, IsHeldUntilItIsDestroyed) {
    {
        const TreeLock lock = locked({k_parent, k_child});
        EXPECT_EQ(files(), 2U);
        EXPECT_EQ(refusal({k_parent}).fault(), Fault::dump_failed);
    }
    EXPECT_EQ(files(), 0U);
    EXPECT_NO_THROW(static_cast<void>(locked({k_parent})));
}

TEST_F(TreeLockTest, KeepsContainersApartByEngineAndName) {
    const std::vector<LockedContainer> web = {{.engine = "containerd", .name = "other/web"}};
    TreeLock first(LockedFor::restore, folder);
    first.add_containers(web);
    TreeLock second(LockedFor::restore, folder);
    try {
        second.add_containers(web);
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_NE(error.message().find("container other/web is being restored by cedana process"), std::string::npos);
    }
    EXPECT_THROW(require_containers_unlocked(LockedFor::restore, web, folder), Error);
    EXPECT_NO_THROW(
        second.add_containers({{.engine = "containerd", .name = "web"}, {.engine = "podman", .name = "web"}}));
}

TEST_F(TreeLockTest, MovesWithItsOwner) {
    TreeLock first = locked({k_parent});
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
    EXPECT_NO_THROW(static_cast<void>(locked({k_parent, k_other})));
}

TEST_F(TreeLockTest, EndsWithTheProcessThatHeldIt) {
    const auto holder = locked_by_another_process({k_parent});
    holder->kill_and_reap();
    EXPECT_NO_THROW(static_cast<void>(locked({k_parent})));
    EXPECT_EQ(files(), 0U);
}

TEST_F(TreeLockTest, StaleLocksAreRemovedAndHeldOnesStay) {
    const auto killed = locked_by_another_process({k_parent});
    killed->kill_and_reap();
    const TreeLock held = locked({k_child});
    EXPECT_EQ(remove_stale_locks(folder), 1U);
    EXPECT_EQ(files(), 1U);
    EXPECT_TRUE(fs::exists(folder / fmt::format("{}.lock", k_child)));
}

TEST_F(TreeLockTest, IsAskedForWithoutBeingTaken) {
    EXPECT_NO_THROW(require_unlocked(LockedFor::dump, {k_parent}, folder));
    EXPECT_FALSE(fs::exists(folder));
    const TreeLock lock = locked({k_child});
    EXPECT_NO_THROW(require_unlocked(LockedFor::dump, {k_parent, k_other}, folder));
    EXPECT_EQ(files(), 1U);
}

TEST_F(TreeLockTest, IsRefusedToWhoOnlyAsksAsToWhoTakesIt) {
    const auto holder = locked_by_another_process({k_child});
    const Error taken = refusal({k_parent, k_child}, LockedFor::restore);
    try {
        require_unlocked(LockedFor::restore, {k_parent, k_child}, folder);
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), taken.fault());
        EXPECT_EQ(error.message(), taken.message());
        EXPECT_EQ(error.hint(), taken.hint());
    }
}

TEST_F(TreeLockTest, OfAProcessThatWasKilledIsNobodysToWhoOnlyAsks) {
    const auto killed = locked_by_another_process({k_parent});
    killed->kill_and_reap();
    EXPECT_NO_THROW(require_unlocked(LockedFor::dump, {k_parent}, folder));
}

// It has it for a moment, here until it sees that somebody has tried in vain to get it.
TEST_F(TreeLockTest, WaitsForWhoRemovesAStaleLock) {
    fs::create_directory(folder);
    const fs::path stale = folder / fmt::format("{}.lock", k_parent);
    for (const char* const left : {"", "dump 1073741824 1\n", "dump 1 4711\n"}) {
        std::ofstream(stale) << left;
        int news = -1;
        const Forked cleaner(
            [&] {
                const int file = ::open(stale.c_str(), O_RDWR | O_CLOEXEC);
                news = ::inotify_init1(IN_CLOEXEC);
                if (::flock(file, LOCK_EX | LOCK_NB) != 0 ||
                    ::inotify_add_watch(news, stale.c_str(), IN_CLOSE_WRITE) < 0)
                    ::_exit(1);
            },
            [&] {
                std::array<char, 256> event{};
                if (::read(news, event.data(), event.size()) > 0)
                    ::unlink(stale.c_str());
            });
        EXPECT_NO_THROW(static_cast<void>(locked({k_parent}))) << left;
    }
}

TEST_F(TreeLockTest, WaitsNoLongerThanAMomentForOneThatNobodyHasSigned) {
    fs::create_directory(folder);
    const fs::path unsigned_lock = folder / fmt::format("{}.lock", k_parent);
    const UniqueFd held = open_file(unsigned_lock, O_RDWR | O_CREAT, 0600);
    ASSERT_EQ(::flock(held.get(), LOCK_EX | LOCK_NB), 0);
    EXPECT_EQ(refusal({k_parent}).message(), "process 10 is in the hands of another cedana process");
}

TEST_F(TreeLockTest, OfARestoreKeepsADumpOut) {
    const auto holder = locked_by_another_process({k_parent}, LockedFor::restore);
    const Error error = refusal({k_parent});
    EXPECT_EQ(error.fault(), Fault::dump_failed);
    EXPECT_EQ(error.message(), "process 10 is being restored by cedana process " + std::to_string(holder->pid()));
}

TEST_F(TreeLockTest, OfARestoreKeepsAnotherRestoreOut) {
    const auto holder = locked_by_another_process({k_parent}, LockedFor::restore);
    EXPECT_EQ(refusal({k_parent}, LockedFor::restore).fault(), Fault::restore_failed);
}

TEST_F(TreeLockTest, GrowsByWhatIsNotLockedYet) {
    TreeLock lock = locked({k_parent});
    lock.add({k_parent, k_child});
    EXPECT_EQ(files(), 2U);
}

TEST_F(TreeLockTest, KeepsWhatItHasWhenItCannotGrow) {
    const auto holder = locked_by_another_process({k_child});
    TreeLock lock = locked({k_parent});
    EXPECT_THROW(lock.add({k_child, k_other}), Error);
    EXPECT_EQ(refusal({k_parent}).fault(), Fault::dump_failed);
    EXPECT_NO_THROW(static_cast<void>(locked({k_other})));
}

TEST_F(TreeLockTest, TakesAProcessThatIsNamedTwiceOnce) {
    EXPECT_NO_THROW(static_cast<void>(locked({k_parent, k_parent})));
}

TEST_F(TreeLockTest, FollowsNoLink) {
    fs::create_directory(folder);
    fs::create_symlink(parent.path() / "victim", folder / "10.lock");
    EXPECT_THROW(static_cast<void>(locked({k_parent})), Error);
    EXPECT_FALSE(fs::exists(parent.path() / "victim"));
}

} // namespace
} // namespace cedana
