// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/memory.hpp"

#include <tuple>

#include <gtest/gtest.h>

#include <unistd.h>

namespace cedana {
namespace {

using Ranges = std::vector<std::tuple<std::uint64_t, std::uint64_t>>;

Ranges in_pages(const std::vector<ByteRange>& ranges) {
    const auto size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    Ranges pages;
    for (const ByteRange& range : ranges)
        pages.emplace_back(range.from / size, range.to / size);
    return pages;
}

TEST(EagerParts, AreThePagesBetweenTheLazyOnes) {
    LazyMemory memory;
    memory.tasks[42].map = {.pages_id = 1,
                            .runs = {{.address = 0x1000, .pages = 2, .first = 0, .lazy = false},
                                     {.address = 0x9000, .pages = 3, .first = 2, .lazy = false},
                                     {.address = 0x20000, .pages = 10, .first = 5, .lazy = true},
                                     {.address = 0x90000, .pages = 1, .first = 15, .lazy = false}}};
    const ImageParts parts = eager_parts(memory);
    ASSERT_EQ(parts.size(), 1U);
    EXPECT_EQ(in_pages(parts.at("pages-1.img")), (Ranges{{0, 5}, {15, 16}}));
}

TEST(EagerParts, AreNoneOfATaskWhoseMemoryIsAllLazy) {
    LazyMemory memory;
    memory.tasks[42].map = {.pages_id = 7, .runs = {{.address = 0x1000, .pages = 2, .first = 0, .lazy = true}}};
    EXPECT_TRUE(eager_parts(memory).at("pages-7.img").empty());
}

TEST(EagerParts, SayNothingOfATaskWithoutLazyMemory) {
    LazyMemory memory;
    memory.tasks[42].map = {.pages_id = 7, .runs = {{.address = 0x1000, .pages = 2, .first = 0, .lazy = false}}};
    EXPECT_TRUE(eager_parts(memory).empty());
}

} // namespace
} // namespace cedana
