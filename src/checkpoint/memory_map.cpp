// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/memory_map.hpp"

#include "cedana/base/memory.hpp"
#include "cedana/checkpoint/small_images.hpp"
#include "cedana/criu/pagemap.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using FileNames = std::map<std::uint64_t, std::string>;

std::string name_for(const criu::Mapping& mapping, const FileNames& names) {
    if (mapping.kind == criu::MappingKind::file)
        if (const auto found = names.find(mapping.object.value_or(0)); found != names.end())
            return found->second;
    return mapping.kind == criu::MappingKind::anonymous ? std::string() : fmt::format("[{}]", name_of(mapping.kind));
}

// How much of the bytes from `from` up to `to` is in `runs`.
std::uint64_t bytes_within(const std::vector<criu::PageRun>& runs, std::uint64_t from, std::uint64_t to) {
    const auto page = page_size();
    const auto end_address = [&](const criu::PageRun& run) { return run.address + run.pages * page; };
    std::uint64_t bytes = 0;
    // CRIU writes them by ascending address. In an image of somebody else's they may lie in any order.
    for (auto run = std::ranges::upper_bound(runs, from, {}, end_address); run != runs.end() && run->address < to;
         ++run)
        if (const std::uint64_t begin = std::max(from, run->address), end = std::min(to, end_address(*run));
            begin < end)
            bytes += end - begin;
    return bytes;
}

std::vector<criu::PageRun> runs_of(SmallImages& images, const std::string& name) {
    const auto image = images.read(name);
    return image ? criu::parse_pagemap(*image).runs : std::vector<criu::PageRun>();
}

// Pages of shared memory are counted from its begin, and lie in an image of their own.
std::optional<std::uint64_t> bytes_in_images(SmallImages& images, const criu::Mapping& mapping,
                                             const std::vector<criu::PageRun>& own) {
    if (mapping.kind == criu::MappingKind::memfd)
        return std::nullopt;
    if (mapping.kind != criu::MappingKind::shared)
        return bytes_within(own, mapping.start, mapping.end);
    return bytes_within(runs_of(images, fmt::format("pagemap-shmem-{}.img", mapping.object.value_or(0))),
                        mapping.offset, mapping.offset + (mapping.end - mapping.start));
}

MemoryMap read_map(SmallImages& images, const ManifestProcess& process, const FileNames& names) {
    MemoryMap map{.pid = process.pid, .comm = process.comm};
    const auto runs = runs_of(images, fmt::format("pagemap-{}.img", process.pid));
    if (const auto image = images.read(fmt::format("mm-{}.img", process.pid)))
        for (const criu::Mapping& mapping : criu::parse_mappings(*image))
            map.ranges.push_back({.mapping = mapping,
                                  .name = name_for(mapping, names),
                                  .bytes_in_images = bytes_in_images(images, mapping, runs)});
    for (const pid_t thread : process.threads)
        if (const auto image = images.read(fmt::format("core-{}.img", thread)))
            map.threads.push_back({.tid = thread, .state = criu::parse_thread(*image)});
    return map;
}

} // namespace

std::string MemoryMap::place_of(std::uint64_t address) const {
    const auto after =
        std::ranges::upper_bound(ranges, address, {}, [](const MappedRange& range) { return range.mapping.start; });
    if (after == ranges.begin())
        return {};
    const MappedRange& range = *std::prev(after);
    if (address >= range.mapping.end)
        return {};
    return fmt::format("{}+{:#x}", range.name.empty() ? "[anonymous]" : range.name,
                       address - range.mapping.start + range.mapping.offset);
}

std::vector<MemoryMap> read_memory_maps(const Checkpoint& checkpoint) {
    SmallImages images(checkpoint);
    const auto files = images.read("files.img");
    const FileNames names = files ? criu::parse_file_names(*files) : FileNames();
    std::vector<MemoryMap> maps;
    std::ranges::transform(checkpoint.manifest().tree, std::back_inserter(maps),
                           [&](const ManifestProcess& process) { return read_map(images, process, names); });
    return maps;
}

} // namespace cedana
