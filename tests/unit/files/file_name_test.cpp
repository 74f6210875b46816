// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/file_name.hpp"
#include "cedana/files/partial_file.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

TEST(NameWith, IsBothWhereThereIsRoom) { EXPECT_EQ(name_with("log", ".old"), "log.old"); }

TEST(NameWith, CutsTheNameToWhatAFileSystemTakes) {
    EXPECT_EQ(name_with(std::string(255, 'a'), ".old"), std::string(251, 'a') + ".old");
    EXPECT_EQ(name_with(std::string(251, 'a'), ".old"), std::string(251, 'a') + ".old");
}

TEST(NameWith, CutsNoCharacterInTwo) {
    EXPECT_EQ(name_with(std::string(250, 'a') + "\xe2\x82\xac", ".old"), std::string(250, 'a') + ".old");
}

TEST(PartialName, OfTheLongestStemIsAName) {
    const std::string name = partial_name(std::string(255, 'a'));
    EXPECT_EQ(name.size(), 255U);
    EXPECT_TRUE(name.ends_with(".zip.partial"));
}

} // namespace
} // namespace cedana
