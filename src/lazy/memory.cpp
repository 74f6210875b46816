// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/memory.hpp"

#include "cedana/archive/frame_reader.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <set>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// Of an image that describes memory: 20 bytes for each run of pages.
constexpr std::size_t k_most_image_bytes = 1024UL * 1024 * 1024;

const ImageRecord& pages_of(const criu::Pagemap& map, pid_t pid, const FrameIndex& index) {
    const ImageRecord* const pages = index.find(map.pages_image());
    if (pages == nullptr || pages->size != map.pages() * page_size())
        throw Error(Fault::checkpoint, fmt::format("the checkpoint does not hold the pages that the pagemap of process "
                                                   "{} counts",
                                                   pid));
    return *pages;
}

} // namespace

LazyMemory read_lazy_memory(const Checkpoint& checkpoint) {
    const FrameIndex& index = checkpoint.index();
    FrameReader reader(checkpoint.zip(), k_images_folder);
    LazyMemory memory;
    std::uint64_t all_bytes = 0;
    for (const ImageRecord& image : index.images) {
        if (image.name.starts_with("pages-"))
            all_bytes += image.size;
        if (const auto pid = criu::task_of_image(image.name, "pagemap-"))
            memory.tasks[*pid].map = criu::parse_pagemap(reader.read_all(image, k_most_image_bytes));
        if (const auto pid = criu::task_of_image(image.name, "mm-"))
            memory.tasks[*pid].wiped_on_fork = criu::parse_wiped_on_fork(reader.read_all(image, k_most_image_bytes));
    }
    std::set<std::string_view> used;
    for (const auto& [pid, task] : memory.tasks) {
        if (task.map.runs.empty())
            continue;
        criu::require_sound(task.map, page_size());
        if (!used.insert(pages_of(task.map, pid, index).name).second)
            throw Error(Fault::checkpoint, fmt::format("process {} shares its image of pages with another", pid));
        memory.lazy_bytes += task.map.lazy_pages() * page_size();
    }
    memory.eager_bytes = all_bytes - memory.lazy_bytes;
    return memory;
}

std::vector<ByteRange> lazy_ranges(const Checkpoint& checkpoint, const LazyMemory& memory) {
    FrameReader reader(checkpoint.zip(), k_images_folder);
    std::vector<ByteRange> ranges;
    for (const auto& [image, parts] : eager_parts(memory)) {
        const ImageRecord& record = *checkpoint.index().find(image);
        auto part = parts.begin();
        for (std::size_t number = 0; number < record.frames.size(); ++number) {
            const std::uint64_t from = number * k_frame_size;
            while (part != parts.end() && part->to <= from)
                ++part;
            if (part == parts.end() || part->from >= from + record.frames[number].size)
                ranges.push_back(reader.place(record, number));
        }
    }
    std::ranges::sort(ranges, {}, &ByteRange::from);
    return ranges;
}

ImageParts eager_parts(const LazyMemory& memory) {
    ImageParts parts;
    for (const auto& [pid, task] : memory.tasks) {
        if (task.map.lazy_pages() == 0)
            continue;
        std::vector<ByteRange>& ranges = parts[task.map.pages_image()];
        for (const criu::PageRun& run : task.map.runs) {
            if (run.lazy)
                continue;
            const ByteRange range{.from = run.first * page_size(), .to = (run.first + run.pages) * page_size()};
            if (!ranges.empty() && ranges.back().to == range.from)
                ranges.back().to = range.to;
            else
                ranges.push_back(range);
        }
    }
    return parts;
}

} // namespace cedana
