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

} // namespace
} // namespace cedana
