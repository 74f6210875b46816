// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/files/contents_aside.hpp"

#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

constexpr int k_may_not_mount = 77;

class ContentsAsideTest : public test::InTempFolder {
  protected:
    ContentsAsideTest() {
        fs::create_directories(path("work"));
        fs::create_directories(path("place/volume/inner"));
        write("place/volume/old", "old");
        write("place/volume/inner/\xff", "old");
    }
    void put_new() const {
        write("place/volume/new", "new");
        write("place/volume/old", "new");
    }
    void expect_old() const {
        EXPECT_EQ(read_file(path("place/volume/old")), "old");
        EXPECT_EQ(read_file(path("place/volume/inner/\xff")), "old");
        EXPECT_FALSE(fs::exists(path("place/volume/new")));
        expect_nothing_beside();
    }
    void expect_nothing_beside() const {
        EXPECT_EQ(std::distance(fs::directory_iterator(path("place")), fs::directory_iterator()), 1);
        EXPECT_FALSE(fs::exists(note()));
    }
    [[nodiscard]] fs::path note() const { return path("work/note"); }
    // The note as it stood at some moment of a process that is gone.
    void note_as(bool is_moved) const {
        std::string bytes;
        nlohmann::json::to_cbor({{{"folder", path("place/volume").string()},
                                  {"aside", path("place/aside").string()},
                                  {"is_moved", is_moved}}},
                                bytes);
        replace_file(note(), bytes);
    }
};

TEST_F(ContentsAsideTest, ComeBackUnlessTheyAreCommitted) {
    {
        ContentsAside aside(note());
        aside.take(path("place/volume"));
        EXPECT_TRUE(fs::is_empty(path("place/volume")));
        put_new();
    }
    expect_old();
}

TEST_F(ContentsAsideTest, AreRemovedOnceTheyAreCommitted) {
    ContentsAside aside(note());
    aside.take(path("place/volume"));
    put_new();
    aside.commit();
    EXPECT_EQ(read_file(path("place/volume/old")), "new");
    EXPECT_FALSE(fs::exists(path("place/volume/inner")));
    expect_nothing_beside();
}

TEST_F(ContentsAsideTest, ComeBackWhereAKillCutTheMove) {
    note_as(false);
    fs::create_directory(path("place/aside"));
    fs::rename(path("place/volume/inner"), path("place/aside/inner"));
    EXPECT_EQ(end_contents_aside(note(), AsideEnd::taken_back).size(), 1U);
    expect_old();
}

TEST_F(ContentsAsideTest, ComeBackWhereAKillCameBeforeTheMove) {
    note_as(false);
    static_cast<void>(end_contents_aside(note(), AsideEnd::taken_back));
    expect_old();
}

TEST_F(ContentsAsideTest, ComeBackWhereAKillCameBehindTheMove) {
    note_as(true);
    fs::create_directory(path("place/aside"));
    for (const char* name : {"inner", "old"})
        fs::rename(path("place/volume") / name, path("place/aside") / name);
    put_new();
    static_cast<void>(end_contents_aside(note(), AsideEnd::taken_back));
    expect_old();
}

TEST_F(ContentsAsideTest, OfAFolderThatIsNotThereAreAnError) {
    ContentsAside aside(note());
    EXPECT_THROW(aside.take(path("nothing/volume")), Error);
}

TEST_F(ContentsAsideTest, AreRefusedWhereSomethingIsMountedInThem) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", path("place/volume/inner").c_str(), "tmpfs", 0, nullptr) != 0)
            ::_exit(k_may_not_mount);
        try {
            ContentsAside aside(note());
            aside.take(path("place/volume"));
        } catch (const Error& error) {
            ::_exit(error.message().find("is mounted in") != std::string::npos ? 0 : 1);
        }
        ::_exit(1);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (WEXITSTATUS(status) == k_may_not_mount)
        GTEST_SKIP() << "may not mount here";
    EXPECT_EQ(status, 0);
    expect_old();
}

} // namespace
} // namespace cedana
