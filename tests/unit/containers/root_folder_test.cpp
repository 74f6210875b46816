// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/containers/root_folder.hpp"

#include <optional>

#include <fcntl.h>

#include "unit/temp_folder.hpp"

namespace cedana::containers {
namespace {

namespace fs = std::filesystem;

class RootFolderTest : public test::InTempFolder {
  protected:
    RootFolderTest() {
        fs::create_directories(path("root/folder/deep"));
        write("root/folder/file", "in");
        write("outside", "out");
        fs::create_directory_symlink(path(""), path("root/up"));
        root_.emplace(path("root"));
    }
    [[nodiscard]] const RootFolder& root() const { return *root_; }

  private:
    std::optional<RootFolder> root_;
};

TEST_F(RootFolderTest, FollowsALinkWithinTheRoot) {
    fs::create_symlink("/folder/file", path("root/link"));
    EXPECT_TRUE(root().open("link", O_RDONLY));
}

TEST_F(RootFolderTest, OpensNothingOutside) {
    EXPECT_FALSE(root().open("up/outside", O_RDONLY));
    EXPECT_FALSE(root().open("../outside", O_RDONLY));
}

TEST_F(RootFolderTest, HasNoPlaceBehindALink) {
    EXPECT_THROW(static_cast<void>(root().place_of("up/outside")), Error);
    EXPECT_EQ(root().place_of("folder/file").name, "file");
}

TEST_F(RootFolderTest, RemovesALinkAndNotWhatItLeadsTo) {
    root().remove("up");
    EXPECT_FALSE(fs::exists(fs::symlink_status(path("root/up"))));
    EXPECT_TRUE(fs::exists(path("outside")));
}

TEST_F(RootFolderTest, RemovesAFolderWithAllThatIsInIt) {
    fs::create_directory_symlink(path(""), path("root/folder/up"));
    root().remove("folder");
    EXPECT_FALSE(fs::exists(path("root/folder")));
    EXPECT_TRUE(fs::exists(path("outside")));
}

TEST_F(RootFolderTest, RemovesNothingWhereThereIsNothing) { EXPECT_NO_THROW(root().remove("none/of/it")); }

TEST(InnerPath, IsWithoutSlashesAndDots) {
    EXPECT_EQ(parse_inner_path("./a//b/"), "a/b");
    EXPECT_EQ(parse_inner_path("/a"), "a");
    EXPECT_EQ(parse_inner_path("."), "");
    for (const char* path : {"..", "a/../b", "/../etc"})
        EXPECT_THROW(static_cast<void>(parse_inner_path(path)), Error) << path;
}

} // namespace
} // namespace cedana::containers
