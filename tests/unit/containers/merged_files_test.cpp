// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/containers/merged_files.hpp"
#include "cedana/containers/unpack.hpp"

#include <set>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "unit/containers/images_in_memory.hpp"
#include "unit/temp_folder.hpp"

namespace cedana::containers {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_ahead = "ahead.tar";
constexpr const char* k_since = "since.tar";
constexpr const char* k_merged = "merged.tar";

class MergedFilesTest : public test::InTempFolder {
  protected:
    MergedFilesTest() {
        fs::create_directories(path("upper"));
        fs::create_directories(path("root"));
    }
    FolderCapture capture() const {
        // All that was looked at is settled: only what changes is taken again.
        return {open_file(path("upper"), O_RDONLY | O_DIRECTORY),
                FolderKind::plain,
                {.ahead = k_ahead, .since = k_since},
                {},
                std::chrono::nanoseconds(0)};
    }
    // As podman takes it: unpacks it over the image's files, then deletes.
    void merge_into_root(std::set<std::string> removed, const ChangedFiles& changed) {
        test::SourceInMemory source(sink.images);
        test::SinkInMemory out;
        TarWriter archive(out, k_merged, none);
        const std::vector<std::string> left =
            write_merged_files({.images = {.ahead = k_ahead, .since = k_since},
                                .removed = std::move(removed),
                                .outdated = {changed.outdated.begin(), changed.outdated.end()}},
                               source, archive, none);
        archive.finish();
        const RootFolder root(path("root"));
        test::SourceInMemory merged(out.images);
        unpack(root, merged, k_merged, ArchiveTrust::nobody_vouches, none);
        remove_files(root, left);
    }
    void write_ahead(const std::vector<TarEntry>& entries) {
        TarWriter archive(sink, k_ahead, none);
        for (const TarEntry& entry : entries)
            archive.add(entry, -1);
        archive.finish();
    }

    test::SinkInMemory sink;
    Interrupt none = Interrupt::none();
};

TEST_F(MergedFilesTest, AreThoseOfTheFreeze) {
    fs::create_directories(path("upper/dir"));
    fs::create_directories(path("upper/becomes-file"));
    for (const char* name : {"upper/changed", "upper/gone", "upper/dir/same", "upper/becomes-file/in", "upper/twin"})
        write(name, "ahead");
    FolderCapture files = capture();
    files.take_ahead({}, sink, none);
    write("upper/changed", "since the first look");
    fs::remove(path("upper/gone"));
    fs::remove_all(path("upper/becomes-file"));
    write("upper/becomes-file", "a file");
    fs::create_directories(path("upper/new"));
    write("upper/new/file", "new");
    fs::remove(path("upper/twin"));
    fs::create_hard_link(path("upper/changed"), path("upper/twin"));
    merge_into_root({}, files.take_rest({}, sink, none));
    EXPECT_EQ(read_file(path("root/changed")), "since the first look");
    EXPECT_FALSE(fs::exists(path("root/gone")));
    EXPECT_EQ(read_file(path("root/dir/same")), "ahead");
    EXPECT_EQ(read_file(path("root/becomes-file")), "a file");
    EXPECT_EQ(read_file(path("root/new/file")), "new");
    EXPECT_EQ(fs::hard_link_count(path("root/twin")), 2U);
}

TEST_F(MergedFilesTest, OfAFolderThatWasMadeAnewHideThoseOfTheImage) {
    fs::create_directories(path("root/app"));
    write("root/app/of-image", "old");
    write("root/gone", "old");
    fs::create_directories(path("upper/app"));
    write("upper/app/early", "ahead");
    FolderCapture files = capture();
    files.take_ahead({}, sink, none);
    write("upper/app/late", "since");
    merge_into_root({"app", "gone"}, files.take_rest({}, sink, none));
    EXPECT_FALSE(fs::exists(path("root/app/of-image")));
    EXPECT_FALSE(fs::exists(path("root/gone")));
    EXPECT_EQ(read_file(path("root/app/early")), "ahead");
    EXPECT_EQ(read_file(path("root/app/late")), "since");
}

// podman's own archive has no entry of such a folder.
TEST_F(MergedFilesTest, OfAFolderThatIsNotAmongThemHideThoseOfTheImage) {
    fs::create_directories(path("root/app"));
    write("root/app/of-image", "old");
    struct ::stat info {};
    info.st_mode = S_IFREG | 0600;
    info.st_nlink = 1;
    write_ahead({{.name = "app/new", .info = info}});
    merge_into_root({"app"}, {});
    EXPECT_FALSE(fs::exists(path("root/app/of-image")));
    EXPECT_TRUE(fs::exists(path("root/app/new")));
}

TEST_F(MergedFilesTest, ThatLeadOutAreRefused) {
    struct ::stat info {};
    info.st_mode = S_IFREG | 0600;
    info.st_nlink = 1;
    write_ahead({{.name = "../outside", .info = info}});
    EXPECT_THROW(merge_into_root({}, {}), Error);
    write_ahead({{.name = "twin", .info = info, .same_as = "not-there"}});
    EXPECT_THROW(merge_into_root({}, {}), Error);
}

} // namespace
} // namespace cedana::containers
