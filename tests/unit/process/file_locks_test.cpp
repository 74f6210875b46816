// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/process/file_locks.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

TEST(ParseLocks, TellsEachKindAndWhatItReachesTo) {
    const auto locks = parse_locks("1: POSIX  ADVISORY  READ  100 08:01:5678 10 14\n"
                                   "2: FLOCK  ADVISORY  WRITE 101 00:1f:42 0 EOF\n"
                                   "3: OFDLCK ADVISORY  WRITE -1 08:01:5678 0 EOF\n"
                                   "4: LEASE  ACTIVE    READ  102 08:01:5678 0 EOF\n");
    ASSERT_EQ(locks.size(), 4U);
    EXPECT_EQ(locks[0].kind, HeldLockKind::posix);
    EXPECT_FALSE(locks[0].is_exclusive);
    EXPECT_EQ(locks[0].pid, 100);
    EXPECT_EQ(locks[0].file, (FileId{.device = ::makedev(8, 1), .inode = 5678}));
    EXPECT_EQ(locks[0].first, 10U);
    EXPECT_EQ(locks[0].last, 14U);
    EXPECT_EQ(locks[1].kind, HeldLockKind::flock);
    EXPECT_TRUE(locks[1].is_exclusive);
    EXPECT_EQ(locks[1].file.device, ::makedev(0, 0x1f));
    EXPECT_EQ(locks[1].last, k_end_of_file);
    EXPECT_EQ(locks[2].kind, HeldLockKind::ofd);
    EXPECT_EQ(locks[2].pid, -1);
    EXPECT_EQ(locks[3].kind, HeldLockKind::lease);
}

TEST(ParseLocks, LeavesOutWhoWaitsAndWhatIsNoLockOnAFile) {
    EXPECT_TRUE(parse_locks("1: -> FLOCK  ADVISORY  WRITE 101 00:1f:42 0 EOF\n"
                            "2: POSIX  ADVISORY  READ  100 <none>:0 0 EOF\n\nnonsense\n")
                    .empty());
}

TEST(ParseLocks, TakesThatOfADescriptor) {
    const auto lock = parse_held_lock("POSIX ADVISORY READ 10 14");
    ASSERT_TRUE(lock);
    EXPECT_EQ(lock->kind, HeldLockKind::posix);
    EXPECT_FALSE(lock->is_exclusive);
    EXPECT_EQ(lock->first, 10U);
    EXPECT_EQ(lock->last, 14U);
    EXPECT_FALSE(parse_held_lock("POSIX ADVISORY READ 10"));
}

using HoldersOfFile = test::InTempFolder;

// As those of another host, which /proc/locks does not show.
TEST_F(HoldersOfFile, AreKnownToTheFileSystemWhereTheyAreUnseen) {
    const UniqueFd file = open_file(path("a"), O_RDWR | O_CREAT, 0600);
    struct ::flock range {};
    range.l_type = F_WRLCK;
    range.l_start = 10;
    range.l_len = 5;
    ASSERT_EQ(::fcntl(file.get(), F_OFD_SETLK, &range), 0);
    EXPECT_TRUE(is_locked_unseen(path("a"), {.kind = HeldLockKind::posix, .first = 14}));
    EXPECT_FALSE(is_locked_unseen(path("a"), {.kind = HeldLockKind::posix, .first = 15}));
    EXPECT_FALSE(is_locked_unseen(path("a"), {.kind = HeldLockKind::posix, .first = 0, .last = 9}));
    EXPECT_FALSE(is_locked_unseen(path("b"), {.kind = HeldLockKind::posix}));
}

TEST_F(HoldersOfFile, TellWhoWritesAndWhatTheyLock) {
    const UniqueFd file = open_file(path("a"), O_RDWR | O_CREAT, 0600);
    ASSERT_EQ(::flock(file.get(), LOCK_EX), 0);
    struct ::stat info {};
    ASSERT_EQ(::fstat(file.get(), &info), 0);
    const auto holders = holders_of_file(Procfs(), file_id(info));
    ASSERT_EQ(holders.size(), 1U);
    EXPECT_EQ(holders.front().pid, ::getpid());
    EXPECT_TRUE(holders.front().writes);
    ASSERT_EQ(holders.front().locks.size(), 1U);
    EXPECT_EQ(holders.front().locks.front().kind, HeldLockKind::flock);
    EXPECT_TRUE(holders.front().locks.front().is_exclusive);
    const auto held = held_locks();
    EXPECT_TRUE(std::ranges::any_of(held, [&](const HeldLock& one) { return one.file.inode == info.st_ino; }));
}

} // namespace
} // namespace cedana
