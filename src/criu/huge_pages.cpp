// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/huge_pages.hpp"

#include "cedana/base/memory.hpp"
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"

#include <algorithm>

#include <sys/mman.h>

namespace cedana::criu {

namespace {

std::uint64_t size_of(std::uint64_t pages) { return pages * page_size(); }

// mmap(2): the logarithm of the size is in the flags. Without it CRIU has written none that it does not know.
std::uint64_t page_size_of(std::uint64_t flags) {
    constexpr unsigned k_shift = 26;
    constexpr unsigned k_mask = 63;
    constexpr unsigned k_usual = 21;
    const auto logarithm = static_cast<unsigned>(flags >> k_shift) & k_mask;
    return std::uint64_t{1} << (logarithm == 0 ? k_usual : logarithm);
}

HugeMapping parse_huge_mapping(std::string_view message, std::uint64_t flags) {
    const auto vma = fields_of<VmaEntry>(message);
    HugeMapping mapping{.range = {.start = number_in(vma, VmaEntry::start, 0), .end = number_in(vma, VmaEntry::end, 0)},
                        .page_size = page_size_of(flags),
                        .is_shared = (flags & MAP_SHARED) != 0,
                        .is_writable = (number_in(vma, VmaEntry::prot, 0) & PROT_WRITE) != 0,
                        .is_reserved = (flags & MAP_NORESERVE) == 0};
    if (mapping.range.end <= mapping.range.start)
        throw damaged_image("a mapping ends before it begins");
    if (mapping.is_shared)
        mapping.object = number_in(vma, VmaEntry::shmid, 0);
    return mapping;
}

// Pages in a row, and whether they belong to one of the mappings.
struct Piece {
    PageRun run;
    bool is_huge = false;
};

std::vector<Piece> pieces_of(const PageRun& run, const std::vector<HugeMapping>& mappings) {
    std::vector<Piece> pieces;
    const std::uint64_t end = run.address + size_of(run.pages);
    const auto add = [&](std::uint64_t from, std::uint64_t to, bool is_huge) {
        if (from < to)
            pieces.push_back({.run = {.address = from,
                                      .pages = (to - from) / size_of(1),
                                      .first = run.first + (from - run.address) / size_of(1),
                                      .lazy = run.lazy},
                              .is_huge = is_huge});
    };
    std::uint64_t from = run.address;
    for (const HugeMapping& mapping : mappings) {
        if (mapping.is_shared || mapping.range.end <= from || mapping.range.start >= end)
            continue;
        add(from, mapping.range.start, false);
        const std::uint64_t start = std::max(from, mapping.range.start);
        from = std::min(end, mapping.range.end);
        add(start, from, true);
    }
    add(from, end, false);
    return pieces;
}

std::string entry_of(std::string_view message, const PageRun& run) {
    return changed_message<PagemapEntry>(message, [&](protozero::pbf_message<PagemapEntry> field, auto& out) {
        switch (field.tag()) {
        case PagemapEntry::vaddr:
            out.add_uint64(PagemapEntry::vaddr, run.address);
            return true;
        case PagemapEntry::compat_nr_pages:
            out.add_uint32(PagemapEntry::compat_nr_pages, static_cast<std::uint32_t>(run.pages));
            return true;
        case PagemapEntry::nr_pages:
            out.add_uint64(PagemapEntry::nr_pages, run.pages);
            return true;
        default:
            return false;
        }
    });
}

} // namespace

std::vector<HugeMapping> parse_huge_mappings(std::string_view mm) {
    return parse_image([&] {
        std::vector<HugeMapping> mappings;
        for (auto all = fields_of<MmEntry>(ImageReader(mm, ImageKind::mm).next()); all.next(MmEntry::vmas);) {
            const std::string_view vma = bytes_of(all);
            const std::uint64_t flags = number_in(fields_of<VmaEntry>(vma), VmaEntry::flags, 0);
            if ((flags & MAP_HUGETLB) != 0)
                mappings.push_back(parse_huge_mapping(vma, flags));
        }
        std::ranges::sort(mappings, {}, [](const HugeMapping& one) { return one.range.start; });
        return mappings;
    });
}

std::vector<PageRun> huge_runs(const Pagemap& map, const std::vector<HugeMapping>& mappings) {
    std::vector<PageRun> runs;
    for (const PageRun& run : map.runs)
        for (const Piece& piece : pieces_of(run, mappings))
            if (piece.is_huge)
                runs.push_back(piece.run);
    return runs;
}

std::optional<std::string> without_huge_pages(std::string_view pagemap, std::string_view mm) {
    const std::vector<HugeMapping> mappings = parse_huge_mappings(mm);
    const Pagemap map = parse_pagemap(pagemap);
    if (huge_runs(map, mappings).empty())
        return std::nullopt;
    return parse_image([&] {
        ImageReader messages(pagemap, ImageKind::pagemap);
        ImageWriter out(ImageKind::pagemap);
        out.add(messages.next());
        for (const PageRun& run : map.runs) {
            const std::string_view message = messages.next();
            for (const Piece& piece : pieces_of(run, mappings))
                if (!piece.is_huge)
                    out.add(piece.run == run ? std::string(message) : entry_of(message, piece.run));
        }
        return std::optional(std::move(out).bytes());
    });
}

} // namespace cedana::criu
