// SPDX-License-Identifier: Apache-2.0
// CRIU's pagemap-PID.img: which pages of a task lie where in which pages-N.img, and which of them can be put in place
// after the task runs (criu/include/pagemap.h, images/pagemap.proto, images/mm.proto).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana::criu {

// Pages in a row, in memory as in the image.
struct PageRun {
    std::uint64_t address = 0;
    std::uint64_t pages = 0;
    // Of the first page, counted in pages from the start of the image.
    std::uint64_t first = 0;
    bool lazy = false;

    bool operator==(const PageRun&) const = default;
};

struct Pagemap {
    // The N of pages-N.img.
    std::uint64_t pages_id = 0;
    std::vector<PageRun> runs;

    [[nodiscard]] std::string pages_image() const { return "pages-" + std::to_string(pages_id) + ".img"; }
    // All of the image.
    [[nodiscard]] std::uint64_t pages() const { return runs.empty() ? 0 : runs.back().first + runs.back().pages; }
    [[nodiscard]] std::uint64_t lazy_pages() const;
};

// The task of an image of this kind ("pagemap-42.img", prefix "pagemap-"); absent for other images, those of shared
// memory too ("pagemap-shmem-7.img").
[[nodiscard]] std::optional<pid_t> task_of_image(std::string_view image, std::string_view prefix);

// Throws Error(Fault::checkpoint) for what is no such image, and for one that needs the pages of another checkpoint.
// What it returns passes require_sound() for the smallest pages that there are.
[[nodiscard]] Pagemap parse_pagemap(std::string_view image);

// Throws Error(Fault::checkpoint) if two runs have the same page, or if they reach so far that an address or a sum of
// sizes would not fit into 64 bits: an image may come from anybody.
void require_sound(const Pagemap& map, std::uint64_t page_size);

struct AddressRange {
    std::uint64_t start = 0;
    std::uint64_t end = 0;

    bool operator==(const AddressRange&) const = default;
};

// Of an mm-PID.img: the mappings that a fork gives to the child as zeros (MADV_WIPEONFORK, madvise(2)).
[[nodiscard]] std::vector<AddressRange> parse_wiped_on_fork(std::string_view image);

} // namespace cedana::criu
