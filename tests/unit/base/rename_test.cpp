// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/base/rename.hpp"

#include <cerrno>
#include <filesystem>

#include <gtest/gtest.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

class RenameNew : public test::InTempFolder {};

TEST_F(RenameNew, NeverReplaces) {
    write("from", "new");
    write("to", "old");
    EXPECT_FALSE(rename_new(path("from"), path("to")));
    EXPECT_EQ(read_file(path("to")), "old");
}

TEST_F(RenameNew, MovesToAFreeName) {
    write("from", "new");
    EXPECT_TRUE(rename_new(path("from"), path("to")));
    EXPECT_EQ(read_file(path("to")), "new");
}

TEST_F(RenameNew, TakesANameThatTheFileAlreadyHasForDone) {
    write("from", "new");
    std::filesystem::create_hard_link(path("from"), path("to"));
    EXPECT_TRUE(rename_new(path("from"), path("to")));
    EXPECT_EQ(read_file(path("to")), "new");
    EXPECT_FALSE(std::filesystem::exists(path("from")));
}

TEST_F(RenameNew, TellsWhyWhoAsksForIt) {
    EXPECT_EQ(try_rename_new(path("missing"), path("to")), ENOENT);
    EXPECT_EQ(try_rename_new(write("from", "new"), write("to", "old")), EEXIST);
    EXPECT_EQ(read_file(path("to")), "old");
}

} // namespace
} // namespace cedana
