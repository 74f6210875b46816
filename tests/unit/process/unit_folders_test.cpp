// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/unit_folders.hpp"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t k_enough = 1000;

class UnitFoldersTest : public test::InTempFolder {
  protected:
    UnitFoldersTest() {
        fs::create_directories(path("run/a"));
        write("run/a/pid", "42\n");
        fs::create_symlink("pid", path("run/a/link"));
        ::mkfifo(path("run/fifo").c_str(), 0640);
    }
    [[nodiscard]] UnitFolderContent read(const std::string& name, std::uint64_t most_bytes = k_enough) const {
        return read_unit_folders(::getpid(), {{.path = path(name), .is_private = true}}, most_bytes);
    }
};

TEST_F(UnitFoldersTest, AreReadWithAllThatIsInThem) {
    const UnitFolderContent content = read("run");
    ASSERT_EQ(content.entries.size(), 4U);
    EXPECT_EQ(content.entries[0].path, path("run"));
    EXPECT_TRUE(content.entries[0].is_private);
    EXPECT_EQ(content.entries[1].path, path("run/a"));
    EXPECT_EQ(content.entries[2].target, "pid");
    EXPECT_EQ(content.entries[3].kind, UnitEntryKind::fifo);
    EXPECT_EQ(
        content.entries[3].mode, 0640U & ~[] {
            const mode_t mask = ::umask(0);
            ::umask(mask);
            return mask;
        }());
    ASSERT_EQ(content.files.size(), 1U);
    EXPECT_EQ(content.files[0].path, path("run/a/pid"));
    EXPECT_TRUE(content.files[0].uses.empty());
}

TEST_F(UnitFoldersTest, MayBeOneFile) {
    const UnitFolderContent content = read("run/a/pid");
    EXPECT_TRUE(content.entries.empty());
    EXPECT_EQ(content.files.size(), 1U);
}

TEST_F(UnitFoldersTest, AreNotFollowedWhereALinkHasTheirName) {
    fs::create_symlink("run", path("other"));
    const UnitFolderContent content = read("other");
    EXPECT_TRUE(content.entries.empty());
    EXPECT_TRUE(content.files.empty());
}

TEST_F(UnitFoldersTest, AreReadAsFarAsTheLimitGoes) {
    const UnitFolderContent content = read("run", 2);
    EXPECT_TRUE(content.files.empty());
    EXPECT_EQ(content.too_much, std::vector<std::string>{path("run/a/pid")});
}

TEST(PrivateFolder, HoldsWhatIsBelowIt) {
    const std::vector<UnitEntry> entries = {{.path = "/tmp", .is_private = true}, {.path = "/run/a"}};
    EXPECT_TRUE(is_in_private_folder(entries, "/tmp/x/y"));
    EXPECT_FALSE(is_in_private_folder(entries, "/tmpx/y"));
    EXPECT_FALSE(is_in_private_folder(entries, "/run/a/x"));
}

} // namespace
} // namespace cedana
