// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/files/made_entries.hpp"

#include <filesystem>
#include <vector>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

class MadeEntriesTest : public test::InTempFolder {
  protected:
    [[nodiscard]] static UnitEntry entry(UnitEntryKind kind, const std::string& name, mode_t mode = 0) {
        return {.kind = kind,
                .path = name,
                .target = kind == UnitEntryKind::link ? "there" : "",
                .mode = mode,
                .owner = ::getuid(),
                .group = ::getgid()};
    }
    const std::vector<UnitEntry> entries_ = {
        entry(UnitEntryKind::folder, "/a", 01777), entry(UnitEntryKind::folder, "/a/b", 0750),
        entry(UnitEntryKind::link, "/a/b/link"), entry(UnitEntryKind::fifo, "/a/fifo", 0666)};
};

TEST_F(MadeEntriesTest, StayOnceTheyAreCommitted) {
    MadeEntries(entries_, path("")).commit();
    struct ::stat info {};
    ASSERT_EQ(::stat(path("a").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 01777U);
    EXPECT_EQ(fs::read_symlink(path("a/b/link")), "there");
    ASSERT_EQ(::stat(path("a/fifo").c_str(), &info), 0);
    EXPECT_TRUE(S_ISFIFO(info.st_mode));
    EXPECT_EQ(info.st_mode & 07777U, 0666U);
}

TEST_F(MadeEntriesTest, GoAgainButForWhatWasThere) {
    fs::create_directory(path("a"));
    { const MadeEntries made(entries_, path("")); }
    EXPECT_TRUE(fs::is_empty(path("a")));
}

TEST_F(MadeEntriesTest, FollowNoLinkOfAnother) {
    fs::create_directory(path("elsewhere"));
    fs::create_symlink("elsewhere", path("a"));
    EXPECT_THROW(MadeEntries(entries_, path("")), Error);
    EXPECT_TRUE(fs::is_empty(path("elsewhere")));
}

} // namespace
} // namespace cedana
