// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/pagemap.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"

#include <algorithm>

namespace cedana::criu {

namespace {

// criu/include/pagemap.h
constexpr std::uint64_t k_in_parent = 1;
constexpr std::uint64_t k_lazy = 2;
constexpr std::uint64_t k_present = 4;

// A bit for each advice (madvise(2)).
constexpr std::uint64_t k_wipe_on_fork = std::uint64_t{1} << 18;

// Images of before CRIU 4.1 have their count in compat_nr_pages, still older ones have no flags.
PageRun parse_run(std::string_view message, std::uint64_t first) {
    PageRun run{.address = 0, .pages = 0, .first = first, .lazy = false};
    std::uint64_t flags = k_present;
    std::uint64_t in_parent = 0;
    std::uint64_t compat_pages = 0;
    std::optional<std::uint64_t> pages;
    for (auto entry = fields_of<PagemapEntry>(message); entry.next();) {
        switch (entry.tag()) {
        case PagemapEntry::vaddr:
            run.address = number_of(entry);
            break;
        case PagemapEntry::compat_nr_pages:
            compat_pages = number_of(entry);
            break;
        case PagemapEntry::in_parent:
            in_parent = number_of(entry);
            break;
        case PagemapEntry::flags:
            flags = number_of(entry);
            break;
        case PagemapEntry::nr_pages:
            pages = number_of(entry);
            break;
        default:
            entry.skip();
        }
    }
    if ((flags & k_in_parent) != 0 || in_parent != 0 || (flags & k_present) == 0)
        throw Error(Fault::checkpoint, "pages of this checkpoint lie in another one, on which it was built");
    run.pages = pages.value_or(compat_pages);
    run.lazy = (flags & k_lazy) != 0;
    return run;
}

AddressRange parse_range(std::string_view message) {
    return {.start = number_in(fields_of<VmaEntry>(message), VmaEntry::start, 0),
            .end = number_in(fields_of<VmaEntry>(message), VmaEntry::end, 0)};
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
        ImageReader messages(image, ImageKind::pagemap);
        Pagemap map{.pages_id = number_in(fields_of<PagemapHead>(messages.next()), PagemapHead::pages_id, 0),
                    .runs = {}};
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
        for (auto mm = fields_of<MmEntry>(ImageReader(image, ImageKind::mm).next()); mm.next(MmEntry::vmas);) {
            const std::string_view mapping = bytes_of(mm);
            if ((number_in(fields_of<VmaEntry>(mapping), VmaEntry::madv, 0) & k_wipe_on_fork) != 0)
                wiped.push_back(parse_range(mapping));
        }
        return wiped;
    });
}

} // namespace cedana::criu
