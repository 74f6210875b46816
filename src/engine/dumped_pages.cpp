// SPDX-License-Identifier: Apache-2.0
#include "cedana/engine/dumped_pages.hpp"

#include "cedana/base/memory.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace cedana {

bool is_of_kernel_alone(const MemoryArea& area) {
    return area.name.starts_with("[vvar") || area.name.starts_with("[vsyscall");
}

bool is_sparse(const std::vector<MemoryArea>& areas, std::uint64_t resident) {
    constexpr std::uint64_t k_least = 1UL << 30;
    constexpr std::uint64_t k_times = 16;
    std::uint64_t size = 0;
    for (const MemoryArea& area : areas)
        size += area.is_private ? area.size() : 0;
    return size > k_least && size / k_times > resident;
}

std::vector<std::uint64_t> left_out_by_criu(const std::vector<MemoryArea>& areas) {
    std::vector<std::uint64_t> left_out;
    for (const MemoryArea& area : areas)
        if (area.has_flag("dp"))
            left_out.push_back(area.start);
    return left_out;
}

namespace {

// Of the ranges of a mapping, in ascending order.
void add_first_page(std::vector<PageRange>& ranges, std::uint64_t start) {
    const std::uint64_t end = start + page_size();
    if (ranges.empty() || ranges.front().start > end)
        ranges.insert(ranges.begin(), {.start = start, .end = end});
    else
        ranges.front().start = start;
}

} // namespace

std::optional<std::vector<PageRange>> dumped_pages(const Procfs& procfs, pid_t pid, const PageTable& table,
                                                   const std::vector<std::uint64_t>& left_out, Seized seized) {
    const std::string maps = procfs.read(pid, "maps").value_or("");
    std::vector<PageRange> pages;
    bool may_be_written_to = seized == Seized::not_yet;
    for (const MemoryArea& area : parse_areas(maps)) {
        const bool is_written_to =
            std::exchange(may_be_written_to, may_be_written_to && !area.is_executable) && area.is_executable;
        if (!area.is_private || is_of_kernel_alone(area) || std::ranges::count(left_out, area.start) != 0)
            continue;
        if (area.name == k_vdso) {
            pages.push_back({.start = area.start, .end = area.end});
            continue;
        }
        auto dumped = table.dumped({.start = area.start, .end = area.end});
        if (!dumped)
            return std::nullopt;
        if (is_written_to)
            add_first_page(*dumped, area.start);
        pages.insert(pages.end(), dumped->begin(), dumped->end());
    }
    return pages;
}

} // namespace cedana
