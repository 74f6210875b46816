// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/callers_place.hpp"

#include <fcntl.h>

#include "unit/model/config_fixture.hpp"

namespace cedana::testing {

namespace {

namespace fs = std::filesystem;

class PlaceOfCaller : public ConfigFilesBehindSudo {
  protected:
    [[nodiscard]] Caller caller() const { return sources().caller; }
    [[nodiscard]] Caller root() const { return {.uid = 0, .gid = 0, .name = "root", .home = "/root"}; }
    // A program in the place of sudo.
    [[nodiscard]] std::string sudo(const std::string& script) const {
        const fs::path path = folder() / "sudo";
        write_file(path, "#!/bin/sh\n" + script + "\n");
        EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
        return path;
    }
    [[nodiscard]] Fault fault_of_opening(const fs::path& path, NamedBy named_by = NamedBy::caller) const {
        return error_of([&] { static_cast<void>(open_for(caller(), path, O_WRONLY | O_CREAT, 0600, named_by)); })
            .fault();
    }
};

TEST_F(PlaceOfCaller, SudoIsAskedWhetherTheyMayRunAShell) {
    EXPECT_TRUE(may_become_root(caller(), sudo("[ \"$*\" = '-n -l -U nobody -- /bin/sh' ]")));
    EXPECT_FALSE(may_become_root(caller(), sudo("echo /bin/sh; exit 1")));
}

TEST_F(PlaceOfCaller, WithoutAnAnswerOfSudoTheyMayNotRunAShell) {
    EXPECT_FALSE(may_become_root(caller(), folder() / "none"));
    EXPECT_FALSE(may_become_root(caller(), sudo("kill -9 $$")));
}

TEST_F(PlaceOfCaller, OfRootSudoIsNotAsked) { EXPECT_TRUE(may_become_root(root(), folder() / "none")); }

TEST_F(PlaceOfCaller, CanBeWrittenWhereTheUserCould) {
    EXPECT_TRUE(can_write_in(caller(), home()));
    EXPECT_FALSE(can_write_in(caller(), folder()));
    EXPECT_FALSE(can_write_in(caller(), folder() / "none"));
    EXPECT_TRUE(can_write_in(root(), folder()));
}

TEST_F(PlaceOfCaller, CanBeWrittenByTheRightsOfTheirGroupsButNotOfRoots) {
    fs::create_directory(folder() / "shared");
    ASSERT_EQ(::chmod((folder() / "shared").c_str(), 0770), 0);
    EXPECT_FALSE(can_write_in(caller(), folder() / "shared"));
    ASSERT_EQ(::chown((folder() / "shared").c_str(), 0, k_nobody), 0);
    EXPECT_TRUE(can_write_in(caller(), folder() / "shared"));
}

TEST_F(PlaceOfCaller, FilesThereAreTheirs) {
    const UniqueFd file = open_for(caller(), home() / "new", O_WRONLY | O_CREAT, 0600);
    EXPECT_EQ(status_of(home() / "new").st_uid, k_nobody);
    EXPECT_EQ(status_of(home() / "new").st_gid, k_nobody);
    EXPECT_NE(::fcntl(file.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(PlaceOfCaller, RootsRightsAreThereAgainAfterwards) {
    static_cast<void>(open_for(caller(), home() / "new", O_WRONLY | O_CREAT, 0600));
    static_cast<void>(fault_of_opening(folder() / "new"));
    write_file(folder() / "of-root", "");
    EXPECT_EQ(status_of(folder() / "of-root").st_uid, 0U);
}

TEST_F(PlaceOfCaller, FilesThatTheyCannotOpenAreRefused) {
    write_file(folder() / "of-root", "");
    fs::create_symlink(folder() / "of-root", home() / "link");
    EXPECT_EQ(fault_of_opening(folder() / "of-root"), Fault::permission);
    EXPECT_EQ(fault_of_opening(home() / "link"), Fault::permission);
    EXPECT_EQ(fault_of_opening(folder() / "new"), Fault::permission);
    EXPECT_FALSE(fs::exists(folder() / "new"));
}

TEST_F(PlaceOfCaller, WhatCedanaNamesItselfIsOpenedWhereRootAloneCanWrite) {
    const UniqueFd file = open_for(caller(), folder() / "new", O_WRONLY | O_CREAT, 0600, NamedBy::cedana);
    EXPECT_EQ(status_of(folder() / "new").st_uid, 0U);
    write_file(folder() / "of-root", "");
    fs::create_symlink(folder() / "of-root", home() / "link");
    EXPECT_EQ(fault_of_opening(home() / "link", NamedBy::cedana), Fault::permission);
}

} // namespace

} // namespace cedana::testing
