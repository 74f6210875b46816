// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/json_failure.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

std::string wrong_with(const std::string& text) {
    try {
        return nlohmann::json::parse(text).at("since").get<std::string>();
    } catch (const nlohmann::json::exception& error) {
        return what_is_wrong_with(text, error);
    }
}

TEST(JsonFailure, IsToldWithoutTheWordsOfALibrary) {
    EXPECT_EQ(wrong_with(" \n"), "it is empty");
    EXPECT_EQ(wrong_with(R"({"since": "2)"), "it is no JSON from byte 13 on");
    EXPECT_EQ(wrong_with("{}"), "key 'since' not found");
    for (const char* text : {"[1]", R"({"since": 3})"})
        EXPECT_EQ(wrong_with(text), "a value in it is of another kind than it must be") << text;
}

} // namespace
} // namespace cedana
