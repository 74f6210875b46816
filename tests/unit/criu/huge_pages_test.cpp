// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/huge_pages.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sys/mman.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;
using testing::image;
namespace magic = testing::magic;

constexpr std::uint64_t k_huge = 2UL * 1024 * 1024;
constexpr std::uint64_t k_huge_start = 140288827850752;
// Of a private mapping of 4 MiB, as CRIU 4.2.1 wrote it.
constexpr std::uint64_t k_huge_flags = 1409548322;

std::string huge_vma(std::uint64_t start, std::uint64_t end, std::uint64_t protection, std::uint64_t flags) {
    return field(14, field(1, start) + field(2, end) + field(3, 0) + field(4, 9) + field(5, protection) +
                         field(6, flags) + field(7, 513) + field(8, 1) + field(10, 2));
}

std::string mm_with(const std::string& mappings) { return image(magic::mm, {field(1, 0x400000) + mappings}); }

std::string run_entry(std::uint64_t address, std::uint64_t pages) {
    return field(1, address) + field(2, 0) + field(4, 4) + field(5, pages);
}

std::string pagemap_with(std::vector<std::string> entries) {
    entries.insert(entries.begin(), field(1, 1));
    return image(magic::pagemap, entries);
}

constexpr std::uint64_t k_writable = PROT_READ | PROT_WRITE;
constexpr std::uint64_t k_private = MAP_PRIVATE | MAP_ANONYMOUS;

TEST(HugeMappings, AreFoundAmongOthers) {
    const auto found =
        parse_huge_mappings(mm_with(huge_vma(0x1000, 0x3000, k_writable, k_private) +
                                    huge_vma(k_huge_start, k_huge_start + 2 * k_huge, k_writable, k_huge_flags)));
    EXPECT_EQ(found, (std::vector<HugeMapping>{
                         {.range = {.start = k_huge_start, .end = k_huge_start + 2 * k_huge}, .page_size = k_huge}}));
}

TEST(HugeMappings, TellWhatTheKernelSetsAside) {
    constexpr std::uint64_t k_gigantic = (std::uint64_t{30} << 26U) | MAP_HUGETLB;
    const auto found = parse_huge_mappings(
        mm_with(huge_vma(0x80000000, 0xC0000000, PROT_READ, k_gigantic | MAP_PRIVATE | MAP_NORESERVE) +
                huge_vma(0x40000000, 0x80000000, k_writable, MAP_HUGETLB | MAP_SHARED)));
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(
        found[0],
        (HugeMapping{
            .range = {.start = 0x40000000, .end = 0x80000000}, .page_size = k_huge, .is_shared = true, .object = 9}));
    EXPECT_EQ(found[1], (HugeMapping{.range = {.start = 0x80000000, .end = 0xC0000000},
                                     .page_size = 1024UL * 1024 * 1024,
                                     .is_writable = false,
                                     .is_reserved = false}));
}

TEST(HugePages, AreLeftOutOfThePagemap) {
    const std::string mm = mm_with(huge_vma(k_huge_start, k_huge_start + 2 * k_huge, k_writable, k_huge_flags));
    const std::string before = run_entry(0x7000, 3);
    const std::string after = run_entry(k_huge_start + 2 * k_huge + 4096, 4);
    const std::string pagemap =
        pagemap_with({before, run_entry(k_huge_start, 256), run_entry(k_huge_start + k_huge / 2, 256),
                      run_entry(k_huge_start + k_huge, 256), after});
    EXPECT_EQ(without_huge_pages(pagemap, mm), pagemap_with({before, after}));
    const auto runs = huge_runs(parse_pagemap(pagemap), parse_huge_mappings(mm));
    EXPECT_EQ(runs, (std::vector<PageRun>{{.address = k_huge_start, .pages = 256, .first = 3},
                                          {.address = k_huge_start + k_huge / 2, .pages = 256, .first = 259},
                                          {.address = k_huge_start + k_huge, .pages = 256, .first = 515}}));
}

// CRIU counts pages in a row together, whatever mappings they belong to.
TEST(HugePages, InARowWithOthersAreCutOut) {
    const std::string mm = mm_with(huge_vma(k_huge_start - 8192, k_huge_start, k_writable, k_private) +
                                   huge_vma(k_huge_start, k_huge_start + k_huge, k_writable, k_huge_flags));
    const std::string pagemap = pagemap_with({run_entry(k_huge_start - 4096, 514)});
    EXPECT_EQ(without_huge_pages(pagemap, mm),
              pagemap_with({field(1, k_huge_start - 4096) + field(2, 1) + field(4, 4) + field(5, 1),
                            field(1, k_huge_start + k_huge) + field(2, 1) + field(4, 4) + field(5, 1)}));
    EXPECT_EQ(huge_runs(parse_pagemap(pagemap), parse_huge_mappings(mm)),
              (std::vector<PageRun>{{.address = k_huge_start, .pages = 512, .first = 1}}));
}

TEST(HugePages, ThatAreSharedAreLeftToCriu) {
    const std::string mm = mm_with(huge_vma(k_huge_start, k_huge_start + k_huge, k_writable, MAP_HUGETLB | MAP_SHARED));
    EXPECT_FALSE(without_huge_pages(pagemap_with({run_entry(k_huge_start, 512)}), mm));
    EXPECT_FALSE(without_huge_pages(pagemap_with({run_entry(0x1000, 1)}), mm_with("")));
}

TEST(HugeMappings, ThatEndBeforeTheyBeginAreRefused) {
    EXPECT_THROW(
        static_cast<void>(parse_huge_mappings(mm_with(huge_vma(k_huge_start, k_huge_start, k_writable, k_huge_flags)))),
        Error);
}

} // namespace
} // namespace cedana::criu
