// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/containers/changed_files.hpp"
#include "cedana/containers/unpack.hpp"

#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

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
        remove_files(root, changed.outdated);
        unpack(root, source, k_root_files_since, ArchiveTrust::nobody_vouches, none);
    }
    [[nodiscard]] FolderCapture capture(std::set<std::string> mounted = {}) const {
        return capture_of({.upper = path("upper"), .mounted = std::move(mounted)});
    }
    // Without a change in between.
    ChangedFiles capture_all() {
        FolderCapture files = capture();
        files.take_ahead({}, sink, none);
        return files.take_rest({}, sink, none);
    }
    // Until what is written then has another time.
    void await_tick() {
        const auto time_of = [&](const std::string& name) {
            write(name, "");
            struct ::stat info {};
            EXPECT_EQ(::stat(path(name).c_str(), &info), 0);
            return std::pair(info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
        };
        const auto before = time_of("tick");
        while (time_of("tick") == before)
            std::this_thread::yield();
    }
    [[nodiscard]] std::set<std::string> names_since() const {
        std::set<std::string> names;
        const std::string& archive = sink.images.at(k_root_files_since);
        for (std::size_t at = 0; at + 512 <= archive.size(); at += 512)
            if (archive.compare(at + 257, 5, "ustar") == 0 && archive[at + 156] != 'x')
                names.insert(archive.c_str() + at);
        return names;
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
    take_back(capture_all());
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
    EXPECT_EQ(capture({"app/hosts", "app/inner"}).measure().files, 0U);
}

TEST_F(ChangedFilesTest, TellWhatIsRemoved) {
    if (::mknod(path("upper/app/gone").c_str(), S_IFCHR | 0600, 0) != 0)
        GTEST_SKIP() << "devices cannot be made here";
    ASSERT_EQ(::setxattr(path("upper/app/inner").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
    write("upper/app/inner/new", "new");
    fs::create_directories(path("root/app/inner"));
    write("root/app/inner/old", "old");
    write("root/app/gone", "old");
    const ChangedFiles changed = capture_all();
    EXPECT_EQ(changed.removed, (std::vector<std::string>{"app/gone", "app/inner"}));
    take_back(changed);
    EXPECT_FALSE(fs::exists(path("root/app/gone")));
    EXPECT_FALSE(fs::exists(path("root/app/inner/old")));
    EXPECT_EQ(read_file(path("root/app/inner/new")), "new");
}

TEST_F(ChangedFilesTest, OfAFolderThatWasRenamedAreRefused) {
    if (::setxattr(path("upper/app").c_str(), "trusted.overlay.redirect", "/other", 6, 0) != 0)
        GTEST_SKIP() << "needs root";
    EXPECT_THROW(static_cast<void>(capture().measure()), Error);
}

// What each of them is for is said in folder_capture.hpp.
TEST_F(ChangedFilesTest, AreReadAgainWhereTheyAreAnotherAtTheFreeze) {
    for (const char* name : {"same", "written", "replaced", "gone", "mode", "mapped", "kind"})
        write(fmt::format("upper/app/{}", name), "before");
    fs::create_hard_link(path("upper/app/written"), path("upper/app/twin"));
    write("upper/app/inner/same", "before");
    await_tick();
    FolderCapture files(open_file(path("upper"), O_RDONLY | O_DIRECTORY), FolderKind::upper,
                        {.ahead = k_root_files, .since = k_root_files_since}, {}, std::chrono::nanoseconds(0));
    files.take_ahead({}, sink, none);
    await_tick();
    // Of the same size.
    write("upper/app/written", "after!");
    write("upper/app/new", "after!");
    fs::rename(path("upper/app/new"), path("upper/app/replaced"));
    fs::remove(path("upper/app/gone"));
    fs::remove(path("upper/app/kind"));
    fs::create_directories(path("upper/app/kind/folder"));
    ::chmod(path("upper/app/mode").c_str(), 0600);
    const ChangedFiles changed = files.take_rest({"app/mapped"}, sink, none);
    EXPECT_EQ(changed.outdated, (std::vector<std::string>{"app/gone"}));
    EXPECT_EQ(names_since(), (std::set<std::string>{"./", "app/", "app/kind/", "app/kind/folder/", "app/mapped",
                                                    "app/mode", "app/replaced", "app/twin", "app/written"}));
    take_back(changed);
    EXPECT_EQ(read_file(path("root/app/same")), "before");
    EXPECT_EQ(read_file(path("root/app/inner/same")), "before");
    EXPECT_EQ(read_file(path("root/app/written")), "after!");
    EXPECT_TRUE(fs::equivalent(path("root/app/written"), path("root/app/twin")));
    EXPECT_EQ(read_file(path("root/app/replaced")), "after!");
    EXPECT_FALSE(fs::exists(path("root/app/gone")));
    EXPECT_TRUE(fs::is_directory(path("root/app/kind/folder")));
    EXPECT_EQ(mode_of("root/app/mode"), 0600U);
    EXPECT_EQ(fs::last_write_time(path("root/app")), fs::last_write_time(path("upper/app")));
}

TEST_F(ChangedFilesTest, AreReadAgainWhereTheyWereChangedJustBefore) {
    write("upper/app/state", "before");
    static_cast<void>(capture_all());
    EXPECT_TRUE(names_since().contains("app/state"));
}

TEST(SharedMappings, AreThoseThatAreShared) {
    EXPECT_EQ(shared_mappings_in("7f00-7f01 r--p 00000000 08:01 42   /bin/sh\n"
                                 "7f01-7f02 rw-s 00000000 08:01 43   /app/a file\\012x\n"
                                 "7f02-7f03 r--s 00000000 08:01 44   /data/db (deleted)\n"
                                 "7f03-7f04 rw-s 00000000 00:00 0\n"),
              (std::set<std::string>{"app/a file\nx", "data/db (deleted)"}));
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
