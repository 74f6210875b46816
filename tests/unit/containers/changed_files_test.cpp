// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/containers/changed_files.hpp"
#include "cedana/containers/unpack.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "unit/containers/images_in_memory.hpp"
#include "unit/temp_folder.hpp"

namespace cedana::containers {
namespace {

namespace fs = std::filesystem;

class ChangedFilesTest : public test::InTempFolder {
  protected:
    ChangedFilesTest() {
        fs::create_directories(path("upper/app/inner"));
        fs::create_directories(path("root/app"));
    }
    // Into path("root"), as it is put back.
    void take_back(const ChangedFiles& changed) {
        const RootFolder root(path("root"));
        test::SourceInMemory source(sink.images);
        remove_files(root, changed.removed);
        unpack(root, source, k_root_files, ArchiveTrust::nobody_vouches, none);
    }
    [[nodiscard]] mode_t mode_of(const std::string& name) const {
        struct ::stat info {};
        EXPECT_EQ(::lstat(path(name).c_str(), &info), 0);
        return info.st_mode & 07777;
    }

    Interrupt none = Interrupt::none();
    test::SinkInMemory sink;
};

TEST_F(ChangedFilesTest, ComeBackAsTheyWere) {
    write("upper/app/state", std::string(5000, 'x'));
    write("upper/app/\xff", "bytes");
    fs::create_symlink("/nowhere", path("upper/app/link"));
    fs::create_hard_link(path("upper/app/state"), path("upper/app/twin"));
    ASSERT_EQ(::mkfifo(path("upper/app/pipe").c_str(), 0640), 0);
    ::chmod(path("upper/app/inner").c_str(), 01711);
    ::chmod(path("upper/app/state").c_str(), 0604);
    write("root/app/state", "of the image");
    take_back(capture_changes({.upper = path("upper"), .mounted = {}}, sink, none));
    EXPECT_EQ(read_file(path("root/app/state")), std::string(5000, 'x'));
    EXPECT_EQ(read_file(path("root/app/\xff")), "bytes");
    EXPECT_EQ(fs::read_symlink(path("root/app/link")), "/nowhere");
    EXPECT_TRUE(fs::equivalent(path("root/app/state"), path("root/app/twin")));
    EXPECT_TRUE(fs::is_fifo(path("root/app/pipe")));
    EXPECT_EQ(mode_of("root/app/inner"), 01711U);
    EXPECT_EQ(mode_of("root/app/state"), 0604U);
}

TEST_F(ChangedFilesTest, LeaveOutWhatIsMounted) {
    write("upper/app/hosts", "");
    EXPECT_EQ(capture_changes({.upper = path("upper"), .mounted = {"app/hosts", "app/inner"}}, sink, none).files, 0U);
}

TEST_F(ChangedFilesTest, TellWhatIsRemoved) {
    if (::mknod(path("upper/app/gone").c_str(), S_IFCHR | 0600, 0) != 0)
        GTEST_SKIP() << "devices cannot be made here";
    ASSERT_EQ(::setxattr(path("upper/app/inner").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
    write("upper/app/inner/new", "new");
    fs::create_directories(path("root/app/inner"));
    write("root/app/inner/old", "old");
    write("root/app/gone", "old");
    const ChangedFiles changed = capture_changes({.upper = path("upper"), .mounted = {}}, sink, none);
    EXPECT_EQ(changed.removed, (std::vector<std::string>{"app/gone", "app/inner"}));
    take_back(changed);
    EXPECT_FALSE(fs::exists(path("root/app/gone")));
    EXPECT_FALSE(fs::exists(path("root/app/inner/old")));
    EXPECT_EQ(read_file(path("root/app/inner/new")), "new");
}

TEST_F(ChangedFilesTest, OfAFolderThatWasRenamedAreRefused) {
    if (::setxattr(path("upper/app").c_str(), "trusted.overlay.redirect", "/other", 6, 0) != 0)
        GTEST_SKIP() << "needs root";
    EXPECT_THROW(static_cast<void>(measure_changes({.upper = path("upper"), .mounted = {}})), Error);
}

TEST(RemovedFiles, AreReadAsTheyWereWritten) {
    const std::vector<std::string> removed = {"a/b", "with\nline", "\xff"};
    EXPECT_EQ(parse_removed(write_removed(removed)), removed);
    EXPECT_THROW(static_cast<void>(parse_removed(std::string("../etc\0", 7))), Error);
}

TEST(FindOverlay, TakesTheUpperFolderOfTheRoot) {
    const auto overlay = find_overlay(
        {{.path = "/", .type = "overlay", .options = "rw,lowerdir=/l,upperdir=/u,workdir=/w"}, {.path = "/proc"}});
    ASSERT_TRUE(overlay);
    EXPECT_EQ(overlay->upper, "/u");
    EXPECT_TRUE(overlay->mounted.contains("proc"));
    EXPECT_FALSE(find_overlay({{.path = "/", .type = "ext4"}}));
}

} // namespace
} // namespace cedana::containers
