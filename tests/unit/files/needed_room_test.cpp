// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/files/needed_room.hpp"

#include <limits>
#include <optional>

#include <gtest/gtest.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

std::optional<Error> refusal(const NeededRoom& room) {
    try {
        room.require();
    } catch (const Error& error) {
        return error;
    }
    return std::nullopt;
}

TEST(RequireRoom, IsMetUpToTheLastByte) {
    EXPECT_NO_THROW(require_room({.folder = "/var", .needed = 0, .free = 0}));
    EXPECT_NO_THROW(require_room({.folder = "/var", .needed = 100, .free = 100}));
    EXPECT_THROW(require_room({.folder = "/var", .needed = 101, .free = 100}), Error);
}

TEST(RequireRoom, NamesTheFolderAndBothSizes) {
    try {
        require_room({.folder = "/var/lib", .needed = 3UL << 20, .free = 1UL << 20});
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::storage);
        EXPECT_NE(error.message().find("3.0 MiB"), std::string::npos) << error.message();
        EXPECT_NE(error.message().find("1.0 MiB is free in /var/lib"), std::string::npos) << error.message();
        EXPECT_NE(error.hint(), "");
    }
}

class NeededRoomTest : public test::InTempFolder {};

TEST_F(NeededRoomTest, IsThatOfAllFilesOfAFileSystemTogether) {
    constexpr std::uint64_t k_half = std::numeric_limits<std::uint64_t>::max() / 2;
    NeededRoom room;
    room.add(FilePlace(path("a")), 1);
    EXPECT_FALSE(refusal(room));
    // No disk is as large.
    room.add(FilePlace(path("b")), k_half);
    EXPECT_TRUE(refusal(room));
}

// A checkpoint may name any sizes.
TEST_F(NeededRoomTest, IsNotLessForMoreThanANumberHolds) {
    constexpr std::uint64_t k_half = std::numeric_limits<std::uint64_t>::max() / 2;
    NeededRoom room;
    for (int i = 0; i < 3; ++i)
        room.add(FilePlace(path("a")), k_half + 1);
    room.add(FilePlace(path("a")), k_half + 1);
    EXPECT_TRUE(refusal(room));
}

} // namespace
} // namespace cedana
