// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/files/put_back.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
        names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
}

struct ::stat stat_of(const fs::path& path) {
    struct ::stat info {};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info;
}

Content content_of(std::string text) {
    return [text = std::move(text), given = false]() mutable {
        const std::span<const std::byte> all = std::as_bytes(std::span(text));
        return std::exchange(given, true) ? all.first(0) : all;
    };
}

constexpr std::int64_t k_second = 1'000'000'000;

class PuttingBack : public test::InTempFolder {
  protected:
    PuttingBack() { fs::create_directory(folder); }

    static CapturedFile captured(const std::string& content) {
        return {.size = content.size(),
                .mode = 0640,
                .owner = ::geteuid(),
                .group = ::getegid(),
                .accessed = 1'000 * k_second + 1,
                .modified = 2'000 * k_second + 2};
    }
    fs::path put(PutBack& changes, const std::string& content) {
        return changes.replace(FilePlace(file), captured(content), content_of(content));
    }
    Error refusal_of(const std::function<void()>& work) {
        try {
            work();
        } catch (const Error& error) {
            return error;
        }
        return {Fault::internal, "not refused"};
    }

    const std::chrono::system_clock::time_point when{std::chrono::seconds(1'795'494'702)};
    const std::string backup_name = "log.cedana-backup-20261124T043142Z";
    const fs::path folder = fs::canonical(path("")) / "folder";
    const fs::path file = folder / "log";
};

// With more of them than there may be descriptors: --with-files names whole folders.
TEST_F(PuttingBack, TakesAndUndoesAnyNumberOfFiles) {
    constexpr int k_files = 300;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit low{.rlim_cur = 100, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    {
        PutBack changes(when);
        OpenFolders folders;
        std::vector<FilePlace> places;
        for (int i = 0; i < k_files; ++i)
            places.push_back(folders.place(folder / std::to_string(i)));
        for (FilePlace& place : places)
            static_cast<void>(changes.replace(std::move(place), captured("of then"), content_of("of then")));
        EXPECT_EQ(names_in(folder).size(), static_cast<std::size_t>(k_files));
    }
    EXPECT_EQ(names_in(folder).size(), 0U);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

// Written in a folder above, before its own was made.
TEST_F(PuttingBack, TakesWhatWasWrittenBefore) {
    auto staged = NewFile::nameless(FilePlace(folder / "any"));
    if (!staged)
        GTEST_SKIP() << "this file system has no files without a name";
    staged->write(std::as_bytes(std::span("of then", 7)));
    staged->complete(captured("of then"));
    EXPECT_EQ(names_in(folder), std::vector<std::string>());
    fs::create_directory(folder / "app");
    write("folder/app/log", "of now");
    PutBack changes(when);
    FilePlace place(folder / "app/log");
    EXPECT_TRUE(staged->can_go_to(place));
    changes.take(std::move(place), std::move(*staged), captured("of then"), Attributes::as_made);
    EXPECT_EQ(changes.settle(), std::vector<fs::path>{folder / "app" / backup_name});
    changes.commit();
    EXPECT_EQ(read_file(folder / "app/log"), "of then");
    EXPECT_EQ(read_file(folder / "app" / backup_name), "of now");
    EXPECT_EQ(stat_of(folder / "app/log").st_mode & 07777U, 0640U);
}

TEST_F(PuttingBack, AMissingFileGivesItItsContentModeAndTimes) {
    PutBack changes(when);
    EXPECT_EQ(put(changes, "of then"), fs::path());
    changes.commit();
    const struct ::stat info = stat_of(file);
    EXPECT_EQ(read_file(file), "of then");
    EXPECT_EQ(info.st_mode & 07777U, 0640U);
    EXPECT_EQ(info.st_mtim.tv_sec, 2'000);
    EXPECT_EQ(info.st_mtim.tv_nsec, 2);
    EXPECT_EQ(info.st_atim.tv_sec, 1'000);
    EXPECT_EQ(names_in(folder), std::vector<std::string>{"log"});
}

TEST_F(PuttingBack, MakesFoldersAndLinksAndTakesThemAwayAgain) {
    {
        PutBack changes(when);
        changes.make(FilePlace(folder / "a"), {.path = "a", .mode = 0750, .owner = ::geteuid(), .group = ::getegid()});
        changes.make(FilePlace(folder / "a/link"), {.path = "a/link", .leads_to = "../x", .owner = ::geteuid()});
        EXPECT_EQ(stat_of(folder / "a").st_mode & 07777U, 0750U);
        EXPECT_EQ(fs::read_symlink(folder / "a/link"), "../x");
    }
    EXPECT_EQ(names_in(folder), std::vector<std::string>());
}

TEST_F(PuttingBack, LeavesAFolderThatWasThereAndOneThatSomebodyUses) {
    fs::create_directory(folder / "theirs");
    {
        PutBack changes(when);
        const Error refused =
            refusal_of([&] { changes.make(FilePlace(folder / "theirs"), {.path = "theirs", .mode = 0700}); });
        EXPECT_EQ(refused.fault(), Fault::restore_failed);
        changes.make(FilePlace(folder / "ours"), {.path = "ours", .mode = 0700, .owner = ::geteuid()});
        std::ofstream(folder / "ours/file") << "of somebody";
    }
    EXPECT_EQ(names_in(folder), (std::vector<std::string>{"ours", "theirs"}));
}

TEST_F(PuttingBack, DoesNotCountAsAnAccessWhereItOnlyLooks) {
    std::ofstream(file) << "text";
    constexpr std::array<timespec, 2> k_long_ago = {{{.tv_sec = 1000, .tv_nsec = 0}, {.tv_sec = 2000, .tv_nsec = 0}}};
    ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), k_long_ago.data(), 0), 0);
    std::array<char, 4> bytes{};
    ASSERT_EQ(::read(FilePlace(file).open_present(O_RDONLY).get(), bytes.data(), bytes.size()), 4);
    EXPECT_EQ(stat_of(file).st_atim.tv_sec, 1000);
}

TEST_F(PuttingBack, GivesTheFileItsOwnerAndSpecialBits) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root: only it can give files away";
    CapturedFile other = captured("x");
    other.owner = 1234;
    other.group = 4321;
    other.mode = 06755;
    PutBack changes(when);
    static_cast<void>(changes.replace(FilePlace(file), other, content_of("x")));
    changes.commit();
    EXPECT_EQ(stat_of(file).st_uid, 1234U);
    EXPECT_EQ(stat_of(file).st_gid, 4321U);
    EXPECT_EQ(stat_of(file).st_mode & 07777U, 06755U);
}

TEST_F(PuttingBack, KeepsWhatWasThereOfTheLongestName) {
    const std::string name(255, 'n');
    write("folder/" + name, "of now");
    PutBack changes(when);
    const fs::path backup = changes.replace(FilePlace(folder / name), captured("of then"), content_of("of then"));
    changes.commit();
    EXPECT_EQ(read_file(folder / name), "of then");
    EXPECT_EQ(read_file(backup), "of now");
}

TEST_F(PuttingBack, LeavesHolesAsSmallAsTheyWere) {
    // One block of 256 holds something: 32 of them do.
    std::string content(32UL * 1024 * 1024, '\0');
    for (std::size_t at = 5000; at < content.size(); at += 1024UL * 1024)
        content[at] = 'x';
    PutBack changes(when);
    EXPECT_EQ(put(changes, content), fs::path());
    changes.commit();
    EXPECT_LT(stat_of(file).st_blocks * 512, 1024 * 1024);
    EXPECT_TRUE(read_file(file) == content);
}

TEST_F(PuttingBack, GivesWhatEndsInAHoleItsSize) {
    const std::string content = std::string(3000, 'x') + std::string(100'001, '\0');
    PutBack changes(when);
    EXPECT_EQ(put(changes, content), fs::path());
    changes.commit();
    EXPECT_TRUE(read_file(file) == content);
}

TEST_F(PuttingBack, KeepsWhatWasThereBesideIt) {
    write("folder/log", "of now");
    const ino_t inode = stat_of(file).st_ino;
    PutBack changes(when);
    const fs::path backup = put(changes, "of then");
    changes.commit();
    EXPECT_EQ(backup, folder / backup_name);
    EXPECT_EQ(read_file(file), "of then");
    EXPECT_EQ(read_file(backup), "of now");
    EXPECT_EQ(stat_of(backup).st_ino, inode);
    EXPECT_EQ(names_in(folder), (std::vector<std::string>{"log", backup_name}));
}

TEST_F(PuttingBack, KeepsTheExtendedAttributesOfWhatWasThere) {
    write("folder/log", "of now");
    if (::setxattr(file.c_str(), "user.origin", "here", 4, 0) != 0)
        GTEST_SKIP() << "this file system has no extended attributes";
    PutBack changes(when);
    put(changes, "of then");
    changes.commit();
    std::string value(100, '\0');
    const ssize_t length = ::getxattr(file.c_str(), "user.origin", value.data(), value.size());
    EXPECT_EQ(value.substr(0, static_cast<std::size_t>(std::max<ssize_t>(length, 0))), "here");
}

TEST_F(PuttingBack, GivesWhatIsNewItsExtendedAttributes) {
    write("folder/log", "");
    if (::setxattr(file.c_str(), "user.origin", "there", 5, 0) != 0)
        GTEST_SKIP() << "this file system has no extended attributes";
    const ExtendedAttributes attributes = extended_attributes_of(file);
    EXPECT_EQ(attributes, (ExtendedAttributes{{"user.origin", "there"}}));
    fs::remove(file);
    PutBack changes(when);
    CapturedFile with = captured("of then");
    with.extended_attributes = attributes;
    static_cast<void>(changes.replace(FilePlace(file), with, content_of("of then")));
    changes.make(
        FilePlace(folder / "a"),
        {.path = "a", .mode = 0750, .owner = ::geteuid(), .group = ::getegid(), .extended_attributes = attributes});
    changes.commit();
    EXPECT_EQ(extended_attributes_of(file), attributes);
    EXPECT_EQ(extended_attributes_of(folder / "a"), attributes);
}

TEST_F(PuttingBack, NumbersBackupsOfOneSecond) {
    write("folder/log", "of now");
    write("folder/" + backup_name, "older");
    PutBack changes(when);
    EXPECT_EQ(put(changes, "of then"), folder / (backup_name + "_2"));
    changes.commit();
    EXPECT_EQ(read_file(folder / backup_name), "older");
}

TEST_F(PuttingBack, MakesHolesOfZeros) {
    PutBack changes(when);
    const std::vector<std::string> pieces = {std::string(4'000'000, '\0'), std::string(4'000'000, '\0')};
    std::size_t next = 0;
    CapturedFile zeros = captured("");
    zeros.size = 8'000'000;
    static_cast<void>(changes.replace(FilePlace(file), zeros, [&] {
        return next < pieces.size() ? std::as_bytes(std::span(pieces[next++])) : std::span<const std::byte>();
    }));
    changes.commit();
    EXPECT_EQ(fs::file_size(file), 8'000'000U);
    EXPECT_EQ(read_file(file), std::string(8'000'000, '\0'));
    EXPECT_LT(stat_of(file).st_blocks, 100);
}

TEST_F(PuttingBack, IsUndoneUnlessCommitted) {
    write("folder/log", "of now");
    const struct ::stat before = stat_of(file);
    {
        PutBack changes(when);
        put(changes, "of then");
        EXPECT_EQ(read_file(file), "of then");
    }
    EXPECT_EQ(read_file(file), "of now");
    EXPECT_EQ(stat_of(file).st_ino, before.st_ino);
    EXPECT_EQ(stat_of(file).st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    EXPECT_EQ(stat_of(file).st_nlink, 1U);
    EXPECT_EQ(names_in(folder), std::vector<std::string>{"log"});
}

TEST_F(PuttingBack, AMissingFileIsUndoneByRemovingIt) {
    {
        PutBack changes(when);
        put(changes, "of then");
    }
    EXPECT_EQ(names_in(folder), std::vector<std::string>());
}

TEST_F(PuttingBack, UndoesManyFilesTheLastFirst) {
    write("folder/log", "of now");
    {
        PutBack changes(when);
        put(changes, "first");
        put(changes, "second");
    }
    EXPECT_EQ(read_file(file), "of now");
    EXPECT_EQ(names_in(folder), std::vector<std::string>{"log"});
}

TEST_F(PuttingBack, LeavesAFileAloneThatSomebodyElsePutThereMeanwhile) {
    write("folder/log", "of now");
    {
        PutBack changes(when);
        put(changes, "of then");
        ::unlink(file.c_str());
        write("folder/log", "of somebody");
    }
    EXPECT_EQ(read_file(file), "of somebody");
    EXPECT_EQ(read_file(folder / backup_name), "of now");
}

TEST_F(PuttingBack, ThatFailsAmidTheContentChangesNothing) {
    write("folder/log", "of now");
    {
        PutBack changes(when);
        const Error refusal = refusal_of([&] {
            static_cast<void>(changes.replace(FilePlace(file), captured("of then"), []() -> std::span<const std::byte> {
                throw Error(Fault::checkpoint, "damaged");
            }));
        });
        EXPECT_EQ(refusal.fault(), Fault::checkpoint);
    }
    EXPECT_EQ(read_file(file), "of now");
    EXPECT_EQ(names_in(folder), std::vector<std::string>{"log"});
}

TEST_F(PuttingBack, RefusesContentOfAnotherSize) {
    PutBack changes(when);
    CapturedFile longer = captured("of then");
    longer.size = 100;
    EXPECT_EQ(
        refusal_of([&] { static_cast<void>(changes.replace(FilePlace(file), longer, content_of("of then"))); }).fault(),
        Fault::checkpoint);
    EXPECT_EQ(names_in(folder), std::vector<std::string>());
}

TEST_F(PuttingBack, RefusesALinkAndLeavesItsTargetAlone) {
    const fs::path target = write("target", "somebody's");
    fs::create_symlink(target, file);
    PutBack changes(when);
    const Error refusal = refusal_of([&] { put(changes, "of then"); });
    EXPECT_EQ(refusal.fault(), Fault::checkpoint);
    EXPECT_NE(refusal.message().find("is a symbolic link now"), std::string::npos) << refusal.message();
    EXPECT_EQ(read_file(target), "somebody's");
    EXPECT_TRUE(fs::is_symlink(file));
}

TEST_F(PuttingBack, RefusesAFolderThatIsALinkNow) {
    fs::rename(folder, path("elsewhere"));
    fs::create_directory_symlink(path("elsewhere"), folder);
    const Error refusal = refusal_of([&] { FilePlace place(file); });
    EXPECT_EQ(refusal.fault(), Fault::checkpoint);
    EXPECT_NE(refusal.message().find(folder.string() + " is a symbolic link now"), std::string::npos)
        << refusal.message();
}

TEST_F(PuttingBack, RefusesFilesOfTheKernel) {
    for (const char* path : {"/proc/self/oom_score_adj", "/sys/kernel/profiling", "/proc/sys/kernel/core_pattern"})
        EXPECT_EQ(refusal_of([&] { FilePlace place(path); }).fault(), Fault::checkpoint) << path;
}

TEST_F(PuttingBack, NamesAFolderThatIsMissing) {
    const Error refusal = refusal_of([&] { FilePlace place(folder / "gone/deeper/log"); });
    EXPECT_EQ(refusal.fault(), Fault::restore_failed);
    EXPECT_NE(refusal.message().find("the folder " + (folder / "gone").string() + " does not exist"), std::string::npos)
        << refusal.message();
    EXPECT_EQ(refusal.hint(), "create it: mkdir -p " + (folder / "gone/deeper").string());
}

TEST_F(PuttingBack, RefusesAFolderAndAFifoInItsPlace) {
    fs::create_directory(file);
    EXPECT_EQ(refusal_of([&] { static_cast<void>(FilePlace(file).open_present(O_RDONLY)); }).fault(),
              Fault::checkpoint);
    fs::remove(file);
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    EXPECT_EQ(refusal_of([&] { static_cast<void>(FilePlace(file).open_present(O_RDONLY)); }).fault(),
              Fault::checkpoint);
}

class Cutting : public PuttingBack {
  protected:
    Cutting() { write("folder/log", "of then, of now"); }
    fs::path cut(PutBack& changes, std::uint64_t size) {
        CapturedFile captured;
        captured.size = size;
        return changes.cut(FilePlace(file), captured);
    }
};

TEST_F(Cutting, KeepsWhatWasAdded) {
    const ino_t inode = stat_of(file).st_ino;
    PutBack changes(when);
    const fs::path backup = cut(changes, 7);
    changes.commit();
    EXPECT_EQ(read_file(file), "of then");
    EXPECT_EQ(stat_of(file).st_ino, inode);
    EXPECT_EQ(backup, folder / backup_name);
    EXPECT_EQ(read_file(backup), ", of now");
    EXPECT_EQ(stat_of(backup).st_mode, stat_of(file).st_mode);
}

TEST_F(Cutting, IsUndoneUnlessCommitted) {
    const struct ::stat before = stat_of(file);
    {
        PutBack changes(when);
        cut(changes, 7);
    }
    EXPECT_EQ(read_file(file), "of then, of now");
    EXPECT_EQ(stat_of(file).st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    EXPECT_EQ(names_in(folder), std::vector<std::string>{"log"});
}

TEST_F(Cutting, IsNotUndoneInAFileThatGrewMeanwhile) {
    {
        PutBack changes(when);
        cut(changes, 7);
        write("folder/log", "of then and more");
    }
    EXPECT_EQ(read_file(file), "of then and more");
    EXPECT_EQ(read_file(folder / backup_name), ", of now");
}

TEST_F(Cutting, RefusesAFileThatIsNotLongerAnyMore) {
    PutBack changes(when);
    EXPECT_EQ(refusal_of([&] { cut(changes, 15); }).fault(), Fault::restore_failed);
    EXPECT_EQ(read_file(file), "of then, of now");
}

} // namespace
} // namespace cedana
