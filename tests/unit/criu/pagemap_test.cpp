// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/pagemap.hpp"

#include <gtest/gtest.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;
using testing::image;

std::string pagemap(const std::vector<std::string>& messages) { return image(0x56084025, messages); }

std::string entry(std::uint64_t address, std::uint64_t flags, std::uint64_t pages) {
    return field(1, address) + field(2, 0) + field(4, flags) + field(5, pages);
}

Fault fault_of_pagemap(const std::string& bytes) {
    try {
        static_cast<void>(parse_pagemap(bytes));
    } catch (const Error& error) {
        return error.fault();
    }
    return Fault::usage;
}

TEST(Pagemap, CountsPagesAlongTheImage) {
    const Pagemap map = parse_pagemap(
        pagemap({field(1, 3), entry(0x400000, 4, 2), entry(0x7f0000000000, 6, 1000), entry(0x7fff00000000, 4, 1)}));
    EXPECT_EQ(map.pages_image(), "pages-3.img");
    EXPECT_EQ(map.runs, (std::vector<PageRun>{{.address = 0x400000, .pages = 2, .first = 0, .lazy = false},
                                              {.address = 0x7f0000000000, .pages = 1000, .first = 2, .lazy = true},
                                              {.address = 0x7fff00000000, .pages = 1, .first = 1002, .lazy = false}}));
    EXPECT_EQ(map.pages(), 1003U);
    EXPECT_EQ(map.lazy_pages(), 1000U);
}

// criu/pagemap.c, init_compat_pagemap_entry.
TEST(Pagemap, OfAnOlderCriuHasItsCountElsewhereAndNoFlags) {
    const Pagemap map = parse_pagemap(pagemap({field(1, 1), field(1, 0x1000) + field(2, 7)}));
    EXPECT_EQ(map.runs, (std::vector<PageRun>{{.address = 0x1000, .pages = 7, .first = 0, .lazy = false}}));
}

TEST(Pagemap, OfAnIncrementalCheckpointIsRefused) {
    EXPECT_EQ(fault_of_pagemap(pagemap({field(1, 1), entry(0x1000, 1, 7)})), Fault::checkpoint);
    EXPECT_EQ(fault_of_pagemap(pagemap({field(1, 1), entry(0x1000, 2, 7)})), Fault::checkpoint);
}

TEST(Pagemap, ThatIsDamagedIsRefused) {
    const std::string whole = pagemap({field(1, 3), entry(0x400000, 6, 2)});
    EXPECT_EQ(fault_of_pagemap(image(0x57492820, {field(1, 3)})), Fault::checkpoint);
    // A head alone is an empty pagemap.
    const std::size_t head = pagemap({field(1, 3)}).size();
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_EQ(fault_of_pagemap(whole.substr(0, length)), length == head ? Fault::usage : Fault::checkpoint)
            << length;
}

constexpr std::uint64_t k_all_bits = ~std::uint64_t{0};

TEST(Pagemap, WhosePagesDoNotFitIntoAnyMemoryIsRefused) {
    // 2^52 pages of 4096 bytes are 0 in 64 bits.
    constexpr std::uint64_t k_wraps = std::uint64_t{1} << 52;
    EXPECT_EQ(fault_of_pagemap(pagemap({field(1, 1), entry(0x1000, 6, k_wraps)})), Fault::checkpoint);
    EXPECT_EQ(fault_of_pagemap(pagemap({field(1, 1), entry(0x1000, 6, k_all_bits)})), Fault::checkpoint);
    EXPECT_EQ(fault_of_pagemap(pagemap({field(1, 1), entry(0x1000, 6, 1), entry(0x3000, 6, k_all_bits)})),
              Fault::checkpoint);
    EXPECT_EQ(fault_of_pagemap(pagemap({field(1, 1), entry(k_all_bits - 4095, 6, 2)})), Fault::checkpoint);
    EXPECT_EQ(fault_of_pagemap(pagemap({field(1, 1), field(1, 0x1000) + field(2, k_wraps)})), Fault::checkpoint);
    // The sum of the runs alone is too large.
    EXPECT_EQ(
        fault_of_pagemap(pagemap({field(1, 1), entry(0x1000, 6, k_wraps / 8), entry(k_wraps * 1024, 6, k_wraps / 4)})),
        Fault::checkpoint);
}

TEST(Pagemap, WithAPageTwiceIsRefused) {
    EXPECT_EQ(fault_of_pagemap(pagemap({field(1, 1), entry(0x1000, 6, 2), entry(0x1000, 6, 2)})), Fault::checkpoint);
    EXPECT_EQ(fault_of_pagemap(pagemap({field(1, 1), entry(0x1000, 6, 2), entry(0x2000, 6, 1)})), Fault::checkpoint);
    EXPECT_EQ(fault_of_pagemap(pagemap({field(1, 1), entry(0x8000, 6, 1), entry(0x7000, 6, 2)})), Fault::checkpoint);
}

TEST(Pagemap, MayHaveItsRunsInAnyOrder) {
    EXPECT_EQ(parse_pagemap(pagemap({field(1, 1), entry(0x8000, 6, 1), entry(0x6000, 6, 2)})).pages(), 3U);
}

TEST(Pagemap, IsComparedWithTheSizeOfAPage) {
    const Pagemap map = parse_pagemap(pagemap({field(1, 1), entry(0x10000, 6, 2), entry(0x20000, 6, 1)}));
    EXPECT_THROW(require_sound(map, 0x10000), Error);
    EXPECT_NO_THROW(require_sound(map, 0x8000));
}

TEST(Pagemap, BelongsToTheTaskInItsName) {
    EXPECT_EQ(task_of_image("pagemap-42.img", "pagemap-"), 42);
    EXPECT_FALSE(task_of_image("pagemap-shmem-42.img", "pagemap-"));
    EXPECT_FALSE(task_of_image("pagemap-.img", "pagemap-"));
    EXPECT_FALSE(task_of_image("pagemap-42", "pagemap-"));
    EXPECT_FALSE(task_of_image("mm-42.img", "pagemap-"));
}

TEST(Mappings, ThatAForkWipesAreFound) {
    const auto mapping = [](std::uint64_t start, std::uint64_t advice) {
        return field(14, field(1, start) + field(2, start + 0x2000) + field(9, advice));
    };
    const std::string message =
        field(1, 1) + mapping(0x1000, 0) + mapping(0x5000, 1U << 18) + mapping(0x9000, 1U << 10);
    EXPECT_EQ(parse_wiped_on_fork(image(0x57492820, {message})),
              (std::vector<AddressRange>{{.start = 0x5000, .end = 0x7000}}));
}

} // namespace
} // namespace cedana::criu
