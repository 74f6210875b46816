// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/pipe_data.hpp"

#include <string>

#include <gtest/gtest.h>

namespace cedana::criu {
namespace {

using namespace std::string_literals;

const std::string k_magic = "\x19\x43\x56\x54\x09\x37\x45\x56"s;
// {1: 300, 2: 5, 3: 65536}, and {1: 7, 2: 0}.
const std::string k_five_bytes = "\x09\x00\x00\x00\x08\xAC\x02\x10\x05\x18\x80\x80\x04hello"s;
const std::string k_empty = "\x04\x00\x00\x00\x08\x07\x10\x00"s;

TEST(PipeData, IsFoundByTheInodeOfItsPipe) {
    const auto pipes = parse_pipe_data(k_magic + k_five_bytes + k_empty);
    ASSERT_EQ(pipes.size(), 2U);
    EXPECT_EQ(pipes.at(300).unread, "hello");
    EXPECT_EQ(pipes.at(300).capacity, 65536U);
    EXPECT_EQ(pipes.at(7).unread, "");
    EXPECT_EQ(pipes.at(7).capacity, 0U);
}

TEST(PipeData, OfAnImageWithoutPipesIsEmpty) { EXPECT_TRUE(parse_pipe_data(k_magic).empty()); }

TEST(PipeData, ThatIsCutShortIsRefusedWhereverItEnds) {
    const std::string whole = k_magic + k_five_bytes;
    for (std::size_t size = 0; size < whole.size(); size += size + 1 == k_magic.size() ? 2 : 1)
        EXPECT_THROW(static_cast<void>(parse_pipe_data(whole.substr(0, size))), Error) << size;
}

TEST(PipeData, OfAnotherImageIsRefused) {
    EXPECT_THROW(static_cast<void>(parse_pipe_data("\x19\x43\x56\x54\x09\x37\x45\x57"s)), Error);
}

} // namespace
} // namespace cedana::criu
