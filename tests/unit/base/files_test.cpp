// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"

#include <algorithm>
#include <csignal>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

using Files = test::InTempFolder;

TEST(Path, LiesBelowAFolderByWholeNames) {
    for (const auto folder : {"/srv/a", "/srv/a/", "/srv", "/"})
        EXPECT_TRUE(lies_below("/srv/a", folder)) << folder;
    for (const auto folder : {"/srv/a/b", "/srv/ab", "/s", "/srv/b"})
        EXPECT_FALSE(lies_below("/srv/a", folder)) << folder;
    EXPECT_TRUE(lies_below("/", "/"));
}

TEST_F(Files, ReadGivesBackWhatWasWritten) { EXPECT_EQ(read_file(write("a", "content")), "content"); }

TEST_F(Files, ReadRefusesMoreThanItsLimit) {
    EXPECT_THROW(static_cast<void>(read_file(write("a", "12345"), 4)), Error);
}

TEST_F(Files, AMissingFileIsNamed) {
    try {
        static_cast<void>(read_file(path("missing")));
        FAIL() << "read";
    } catch (const Error& error) {
        EXPECT_NE(error.message().find(path("missing").string()), std::string::npos);
    }
}

TEST_F(Files, AFolderListsWhatIsInIt) {
    write("a", "");
    std::filesystem::create_directory(path("b"));
    std::error_code error;
    std::vector<std::filesystem::path> entries = entries_of(path("."), error);
    std::ranges::sort(entries);
    EXPECT_EQ(entries, (std::vector<std::filesystem::path>{path("./a"), path("./b")}));
    EXPECT_FALSE(error);
}

TEST_F(Files, AFolderThatCannotBeListedSetsTheError) {
    std::error_code error;
    EXPECT_TRUE(entries_of(path("missing"), error).empty());
    EXPECT_EQ(error, std::errc::no_such_file_or_directory);
}

TEST_F(Files, WhatIsNoRegularFileIsNotReplaced) {
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    std::filesystem::create_symlink("fifo", path("link"));
    for (const char* name : {"fifo", "link", "."})
        EXPECT_THROW(replace_file(path(name), "now"), Error) << name;
    EXPECT_TRUE(std::filesystem::is_fifo(path("fifo")));
    EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
}

TEST_F(Files, AFileIsReplacedInTheCurrentFolder) {
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(path("."));
    EXPECT_NO_THROW(replace_file("a", "now"));
    std::filesystem::current_path(before);
    EXPECT_EQ(read_file(path("a")), "now");
}

TEST_F(Files, AReplacedFileHasItsNewContentAndNothingIsLeftBeside) {
    replace_file(write("a", "longer than before"), "now");
    EXPECT_EQ(read_file(path("a")), "now");
    std::error_code error;
    EXPECT_EQ(entries_of(path("."), error), std::vector<std::filesystem::path>{path("./a")});
}

TEST_F(Files, AFileThatCannotBeReplacedKeepsItsContent) {
    write("a", "before");
    std::filesystem::create_directory(path("a.next"));
    EXPECT_THROW(replace_file(path("a"), "now"), Error);
    EXPECT_EQ(read_file(path("a")), "before");
}

TEST_F(Files, AFileForWhichThereIsNoRoomLeavesNothingBeside) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
    EXPECT_THROW(replace_file(path("a"), "now"), Error);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::error_code error;
    EXPECT_TRUE(entries_of(path("."), error).empty());
}

TEST_F(Files, AFullDiskIsAStorageFault) {
    const UniqueFd full = open_file("/dev/full", O_WRONLY);
    try {
        write_all(full.get(), std::string_view("x"), "/dev/full");
        FAIL() << "written";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::storage);
    }
}

TEST_F(Files, ATempDirIsPrivateAndGoesAway) {
    std::filesystem::path made;
    {
        const TempDir temp(path("parent"), "work");
        made = temp.path();
        struct ::stat info {};
        ASSERT_EQ(::stat(made.c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 0777, 0700U);
    }
    EXPECT_FALSE(std::filesystem::exists(made));
}

TEST_F(Files, RemoveOnFailureRemovesUnlessCommitted) {
    {
        RemoveOnFailure kept(write("kept", ""));
        const RemoveOnFailure removed(write("removed", ""));
        kept.commit();
    }
    EXPECT_TRUE(std::filesystem::exists(path("kept")));
    EXPECT_FALSE(std::filesystem::exists(path("removed")));
}

} // namespace
} // namespace cedana
