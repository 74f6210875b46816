// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/link_remap.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

class LinkRemaps : public test::InTempFolder {
  protected:
    LinkRemaps() { write("kept", "content"); }

    [[nodiscard]] std::vector<fs::path> remaps_of(const fs::path& lost) const {
        struct ::stat info {};
        EXPECT_EQ(::stat(path("kept").c_str(), &info), 0);
        return link_remaps(lost, info.st_dev, info.st_ino);
    }
    void link(const std::string& name) const { fs::create_hard_link(path("kept"), path(name)); }
};

TEST_F(LinkRemaps, AreNamesOfTheSameFileBesideTheOneThatItLost) {
    link("link_remap.12");
    EXPECT_EQ(remaps_of(path("lost")), std::vector<fs::path>{path("link_remap.12")});
}

TEST_F(LinkRemaps, AreNotNamesOfOtherFiles) {
    write("link_remap.3", "of another");
    EXPECT_EQ(remaps_of(path("lost")), std::vector<fs::path>());
}

TEST_F(LinkRemaps, AreNotNamesThatCriuWouldNotGive) {
    link("link_remap.");
    link("link_remap.1b");
    link("a_link_remap.1");
    EXPECT_EQ(remaps_of(path("lost")), std::vector<fs::path>());
}

TEST_F(LinkRemaps, AreLookedForAboveAFolderThatIsGone) {
    link("link_remap.7");
    EXPECT_EQ(remaps_of(path("gone/too/lost")), std::vector<fs::path>{path("link_remap.7")});
}

TEST_F(LinkRemaps, WaitUnderANameThatNoOtherDumpIsGiven) {
    link("link_remap.12");
    LinkRemap remap{.lost = path("lost"), .link = path("link_remap.12")};
    let_wait(remap);
    EXPECT_FALSE(fs::exists(path("link_remap.12")));
    EXPECT_TRUE(fs::equivalent(remap.waits, path("kept")));
    EXPECT_TRUE(is_remap_name(fs::path(remap.waits).filename().string())) << remap.waits;
    // What takes back a dump that was killed finds it.
    EXPECT_EQ(remaps_of(path("lost")), std::vector<fs::path>{remap.waits});
    link("link_remap.12");
    LinkRemap other{.lost = path("lost"), .link = path("link_remap.12")};
    let_wait(other);
    EXPECT_NE(other.waits, remap.waits);
}

TEST_F(LinkRemaps, KeepTheirNameWhereItCannotBeChanged) {
    LinkRemap remap{.lost = path("lost"), .link = path("link_remap.12")};
    let_wait(remap);
    EXPECT_EQ(remap.waits, "");
}

TEST(RemapName, IsThatOfCriuOrOneToWaitUnder) {
    for (const char* name : {"link_remap.1", "link_remap.120.0123456789abcdef"})
        EXPECT_TRUE(is_remap_name(name)) << name;
    for (const char* name :
         {"link_remap.", "link_remap.1.", "link_remap.1.0123456789abcde", "link_remap.1.0123456789abcdeg",
          "link_remap..0123456789abcdef", "link_remap.1.0123456789abcdef0", "alink_remap.1"})
        EXPECT_FALSE(is_remap_name(name)) << name;
}

} // namespace
} // namespace cedana
