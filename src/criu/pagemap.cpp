// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/pagemap.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/wire.hpp"

#include <algorithm>

#include "image_messages.hpp"

namespace cedana::criu {

namespace {

// criu/include/magic.h
constexpr std::uint32_t k_pagemap_magic = 0x56084025;

// criu/include/pagemap.h
constexpr std::uint64_t k_in_parent = 1;
constexpr std::uint64_t k_lazy = 2;
constexpr std::uint64_t k_present = 4;

constexpr std::uint64_t k_wipe_on_fork = std::uint64_t{1} << 18;

// pagemap_entry: 1 vaddr, 2 nr_pages of before 4.1, 3 in_parent, 4 flags, 5 nr_pages. Older images have no flags.
PageRun parse_run(std::string_view message, std::uint64_t first) {
    const MessageFields fields = fields_of(message);
    const std::uint64_t flags = fields.number_or(4, k_present);
    if ((flags & k_in_parent) != 0 || fields.number_or(3, 0) != 0 || (flags & k_present) == 0)
        throw Error(Fault::checkpoint, "pages of this checkpoint lie in another one, on which it was built");
    return {.address = fields.number_or(1, 0),
            .pages = fields.number_or(5, fields.number_or(2, 0)),
            .first = first,
            .lazy = (flags & k_lazy) != 0};
}

} // namespace

std::uint64_t Pagemap::lazy_pages() const {
    std::uint64_t pages = 0;
    for (const PageRun& run : runs)
        pages += run.lazy ? run.pages : 0;
    return pages;
}

std::optional<pid_t> task_of_image(std::string_view image, std::string_view prefix) {
    constexpr std::string_view k_suffix = ".img";
    if (!image.starts_with(prefix) || !image.ends_with(k_suffix))
        return std::nullopt;
    image.remove_prefix(prefix.size());
    std::int64_t pid = 0;
    if (!parse_number(image.substr(0, image.size() - k_suffix.size()), pid) || pid <= 0)
        return std::nullopt;
    return static_cast<pid_t>(pid);
}

Pagemap parse_pagemap(std::string_view image) {
    return parse_image([&] {
        ImageMessages messages(image, k_pagemap_magic);
        Pagemap map{.pages_id = fields_of(messages.next()).number_or(1, 0), .runs = {}};
        while (!messages.at_end())
            map.runs.push_back(parse_run(messages.next(), map.pages()));
        constexpr std::uint64_t k_smallest_page = 4096;
        require_sound(map, k_smallest_page);
        return map;
    });
}

void require_sound(const Pagemap& map, std::uint64_t page_size) {
    // Far above what a process can have (57 bits of addresses on x86-64), far below what the sums here can hold.
    constexpr std::uint64_t k_most = std::uint64_t{1} << 62;
    const std::uint64_t most_pages = k_most / page_size;
    std::uint64_t pages = 0;
    for (const PageRun& run : map.runs) {
        if (run.address > k_most || run.pages > most_pages - pages || run.first != pages)
            throw damaged_image("its pages reach further than any memory does");
        pages += run.pages;
    }
    std::vector<PageRun> sorted;
    const bool ascends = std::ranges::is_sorted(map.runs, {}, &PageRun::address);
    if (!ascends) {
        sorted = map.runs;
        std::ranges::sort(sorted, {}, &PageRun::address);
    }
    const std::vector<PageRun>& runs = ascends ? map.runs : sorted;
    const auto overlap = [&](const PageRun& a, const PageRun& b) {
        return b.address < a.address + a.pages * page_size;
    };
    if (std::ranges::adjacent_find(runs, overlap) != runs.end())
        throw damaged_image("it has a page twice");
}

std::vector<AddressRange> parse_wiped_on_fork(std::string_view image) {
    return parse_image([&] {
        std::vector<AddressRange> wiped;
        for (const std::string_view message : mappings_in(image)) {
            // vma_entry: 1 start, 2 end, 9 madv, a bit for each advice.
            const MessageFields mapping = fields_of(message);
            if ((mapping.number_or(9, 0) & k_wipe_on_fork) != 0)
                wiped.push_back({.start = mapping.number_or(1, 0), .end = mapping.number_or(2, 0)});
        }
        return wiped;
    });
}

} // namespace cedana::criu
