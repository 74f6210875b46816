// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/files/backups.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace cedana {
namespace {

namespace fs = std::filesystem;

class Backups : public ::testing::Test {
  protected:
    // A backup with 5 bytes, written down.
    fs::path add(const std::string& name) const {
        fs::path path = place / name;
        std::ofstream(path) << "12345";
        record.add({path});
        return path;
    }
    [[nodiscard]] std::vector<fs::path> made_before(const char* when) const {
        std::vector<fs::path> paths;
        for (const Backup& one : record.made_before(*parse_utc_iso(when)))
            paths.push_back(one.path);
        return paths;
    }
    [[nodiscard]] std::vector<Backup> all() const { return record.made_before(*parse_utc_iso(k_later)); }

    static constexpr const char* k_later = "2027-01-01T00:00:00Z";
    TempDir folder = TempDir(fs::temp_directory_path(), "backups-test");
    fs::path place = fs::canonical(folder.path());
    BackupRecord record = BackupRecord(place / "record");
};

TEST_F(Backups, AreNoneWhereNoneWasWrittenDown) {
    EXPECT_TRUE(made_before(k_later).empty());
    std::vector<Backup> none;
    record.remove(none);
    EXPECT_FALSE(fs::exists(place / "record"));
}

TEST_F(Backups, AreOldByTheTimeInTheirNames) {
    const fs::path late = add("b.cedana-backup-20261122T164510Z_2");
    const fs::path early = add("a \n.cedana-backup-20261122T164509Z");
    EXPECT_EQ(made_before("2026-11-22T16:45:09Z"), std::vector<fs::path>());
    EXPECT_EQ(made_before("2026-11-22T16:45:10Z"), std::vector<fs::path>{early});
    EXPECT_EQ(made_before("2026-11-22T16:45:11Z"), (std::vector<fs::path>{early, late}));
    EXPECT_EQ(all().front().bytes, 5U);
}

TEST_F(Backups, ThatAreRemovedLeaveTheRecord) {
    const fs::path one = add("a.cedana-backup-20261122T164509Z");
    const fs::path other = add("b.cedana-backup-20261122T164510Z");
    std::vector<Backup> some = record.made_before(*parse_utc_iso("2026-11-22T16:45:10Z"));
    record.remove(some);
    EXPECT_EQ(some.front().why, "");
    EXPECT_FALSE(fs::exists(one));
    EXPECT_TRUE(fs::exists(other));
    EXPECT_EQ(made_before(k_later), std::vector<fs::path>{other});
    EXPECT_EQ(read_file(place / "record/backups"), other.string() + '\0');
}

TEST_F(Backups, ThatSomebodyElseRemovedAreNone) {
    fs::remove(add("a.cedana-backup-20261122T164509Z"));
    EXPECT_TRUE(all().empty());
}

// The folder of a backup may be of a user, who can put a link into its place.
TEST_F(Backups, AreNotRemovedThroughALink) {
    fs::create_directory(place / "users");
    add("users/a.cedana-backup-20261122T164509Z");
    std::vector<Backup> found = all();
    fs::rename(place / "users", place / "roots");
    fs::create_directory_symlink(place / "roots", place / "users");
    record.remove(found);
    EXPECT_NE(found.front().why, "");
    EXPECT_TRUE(fs::exists(place / "roots/a.cedana-backup-20261122T164509Z"));
    EXPECT_TRUE(all().empty());
}

TEST_F(Backups, HaveTheirNamesAndAreFiles) {
    add("important");
    add("a.cedana-backup-yesterday");
    fs::create_directory(place / "b.cedana-backup-20261122T164509Z");
    record.add({place / "b.cedana-backup-20261122T164509Z"});
    EXPECT_TRUE(all().empty());
}

} // namespace
} // namespace cedana
