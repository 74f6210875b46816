// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/memory.hpp"
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_mends.hpp"

#include <algorithm>
#include <vector>

#include <sys/mman.h>

#include "changed_image.hpp"

namespace cedana::criu {

namespace {

// criu/include/image.h
constexpr std::uint64_t k_area_regular = 1U << 0;
constexpr std::uint64_t k_area_heap = 1U << 5;
constexpr std::uint64_t k_file_private = 1U << 6;
constexpr std::uint64_t k_file_shared = 1U << 7;
constexpr std::uint64_t k_anonymous_private = 1U << 9;
constexpr std::uint64_t k_area_memfd = 1U << 14;
constexpr std::uint64_t k_no_write = 1U << 29;

struct Vma {
    explicit Vma(std::string_view message)
        : start(number(message, VmaEntry::start)), end(number(message, VmaEntry::end)),
          offset(number(message, VmaEntry::pgoff)), protection(number(message, VmaEntry::prot)),
          flags(number(message, VmaEntry::flags)), status(number(message, VmaEntry::status)) {
        if (end <= start)
            throw damaged_image("a mapping ends before it begins");
    }

    // What CRIU maps beforehand, writable, for a stream of pages (vma_entry_is_private() in criu/include/vma.h and
    // premap_priv_vmas() in criu/mem.c), but for kinds of their own.
    [[nodiscard]] bool is_private() const {
        return is_of_private_kind() && (flags & (MAP_HUGETLB | MAP_GROWSDOWN | MAP_LOCKED)) == 0;
    }
    [[nodiscard]] bool is_of_private_kind() const {
        constexpr std::uint64_t k_known =
            k_area_regular | k_area_heap | k_file_private | k_anonymous_private | k_area_memfd;
        return (status & ~k_known) == 0 && (status & k_area_regular) != 0 &&
               (status & (k_file_private | k_anonymous_private)) != 0;
    }
    [[nodiscard]] bool is_of_file() const { return (status & k_file_private) != 0; }

    static std::uint64_t number(std::string_view message, VmaEntry field) {
        return number_in(fields_of<VmaEntry>(message), field, 0);
    }

    std::uint64_t start;
    std::uint64_t end;
    std::uint64_t offset;
    std::uint64_t protection;
    std::uint64_t flags;
    std::uint64_t status;
};

bool holds_pages(const Vma& vma, const std::vector<PageRun>& runs) {
    const auto page = page_size();
    return std::ranges::any_of(
        runs, [&](const PageRun& run) { return run.address < vma.end && run.address + run.pages * page > vma.start; });
}

// `change` gives the messages that take the place of a mapping's, or none to let it be.
template <typename Change>
MendedImage with_changed_mappings(std::string_view image, Change&& change) {
    return parse_image([&] {
        return changed_image(image, ImageKind::mm, [&](std::string_view mm) {
            bool changed = false;
            std::string result = changed_message<MmEntry>(mm, [&](protozero::pbf_message<MmEntry> field, auto& out) {
                if (field.tag() != MmEntry::vmas)
                    return false;
                const std::vector<std::string> others = change(bytes_of(field));
                for (const std::string& other : others)
                    out.add_message(MmEntry::vmas, other);
                changed |= !others.empty();
                return !others.empty();
            });
            return changed ? std::optional(std::move(result)) : std::nullopt;
        });
    });
}

std::string with_status(std::string_view message, std::uint64_t status) {
    return changed_message<VmaEntry>(message, [&](protozero::pbf_message<VmaEntry> field, auto& out) {
        if (field.tag() != VmaEntry::status)
            return false;
        out.add_uint32(VmaEntry::status, static_cast<std::uint32_t>(status));
        return true;
    });
}

std::string part_of(std::string_view message, const Vma& vma, std::uint64_t start, std::uint64_t end) {
    return changed_message<VmaEntry>(message, [&](protozero::pbf_message<VmaEntry> field, auto& out) {
        if (field.tag() == VmaEntry::start)
            out.add_uint64(VmaEntry::start, start);
        else if (field.tag() == VmaEntry::end)
            out.add_uint64(VmaEntry::end, end);
        else if (field.tag() == VmaEntry::pgoff && vma.is_of_file())
            out.add_uint64(VmaEntry::pgoff, vma.offset + (start - vma.start));
        else
            return false;
        return true;
    });
}

std::string without_lock(std::string_view message, const Vma& vma) {
    return changed_message<VmaEntry>(message, [&](protozero::pbf_message<VmaEntry> field, auto& out) {
        if (field.tag() != VmaEntry::flags)
            return false;
        out.add_uint32(VmaEntry::flags, static_cast<std::uint32_t>(vma.flags & ~std::uint64_t{MAP_LOCKED}));
        return true;
    });
}

std::vector<AddressRange> held_in(const Vma& vma, const std::vector<PageRun>& runs) {
    const auto page = page_size();
    std::vector<AddressRange> held;
    for (const PageRun& run : runs)
        if (const AddressRange part{.start = std::max(run.address, vma.start),
                                    .end = std::min(run.address + run.pages * page, vma.end)};
            part.start < part.end)
            held.push_back(part);
    std::ranges::sort(held, {}, &AddressRange::start);
    return held;
}

// With the smallest gaps closed, until there are few enough: a process may have 65,530 mappings (vm.max_map_count).
std::vector<AddressRange> few_ranges(const std::vector<AddressRange>& ranges) {
    constexpr std::size_t k_most = 500;
    for (std::uint64_t gap = 0;; gap = std::max<std::uint64_t>(4096, 2 * gap)) {
        std::vector<AddressRange> few;
        for (const AddressRange& one : ranges) {
            if (!few.empty() && one.start <= few.back().end + gap)
                few.back().end = std::max(few.back().end, one.end);
            else
                few.push_back(one);
        }
        if (few.size() <= k_most)
            return few;
    }
}

bool are_locked_on_fault(const Vma& vma, const std::vector<AddressRange>& ranges) {
    return std::ranges::any_of(
        ranges, [&](const AddressRange& range) { return range.start <= vma.start && vma.end <= range.end; });
}

} // namespace

// Where pages come in a stream CRIU maps all private memory with PROT_WRITE first (premap_private_vma() in criu/mem.c),
// as if each could be written to: the kernel then counts it all, and refuses what is larger than the host's memory. Out
// of a folder it maps what cannot be written to and has no pages as it was, in the restorer (VMA_NO_PROT_WRITE;
// restore_mapping() in criu/pie/restorer.c). The same comes about here where the status does not say "private": CRIU
// looks at it for that alone. That of a file is then one of a shared one's, which differs in the flags, and the flags
// stay.
MendedImage with_empty_mappings_left_alone(std::string_view mm, const Pagemap& pages) {
    std::vector<PageRun> runs = pages.runs;
    return with_changed_mappings(mm, [&](std::string_view message) -> std::vector<std::string> {
        const Vma vma(message);
        if (!vma.is_private() || (vma.protection & PROT_WRITE) != 0 || holds_pages(vma, runs))
            return {};
        const std::uint64_t kind = vma.is_of_file() ? k_file_shared : 0;
        return {with_status(message, (vma.status & ~(k_file_private | k_anonymous_private)) | kind | k_no_write)};
    });
}

// CRIU counts the pages from one that it restores to the end of its mapping in an int (min_t(int, …) of
// restore_priv_vma_content() in criu/mem.c), and so their numbers within it (bitmap_set() in criu/bitmap.c): between 8
// TiB and 16 TiB that is below zero, and the task dies of it; further on it is another page's.
//
// Without MAP_NORESERVE the kernel grants no more in one call than the host's memory and swap
// (__vm_enough_memory() in mm/util.c), though a mapping may have grown larger than that in many.
//
// What lies side by side is one mapping again for the kernel (vma_merge() in mm/vma.c).
MendedImage with_long_mappings_in_parts(std::string_view mm, std::uint64_t granted) {
    constexpr std::uint64_t k_most = std::uint64_t{1} << 42;
    // A multiple of every size of page.
    constexpr std::uint64_t k_unit = std::uint64_t{1} << 30;
    const std::uint64_t most_at_once = std::clamp(granted / k_unit * k_unit, k_unit, k_most);
    return with_changed_mappings(mm, [&](std::string_view message) {
        const Vma vma(message);
        const std::uint64_t most = (vma.flags & MAP_NORESERVE) != 0 ? k_most : most_at_once;
        std::vector<std::string> parts;
        if (!vma.is_private() || vma.end - vma.start <= (most == k_most ? most : granted))
            return parts;
        for (std::uint64_t start = vma.start; start < vma.end; start += std::min(most, vma.end - start))
            parts.push_back(part_of(message, vma, start, start + std::min(most, vma.end - start)));
        return parts;
    });
}

// Memory that is locked as it is touched has VM_LOCKED as other locked memory has (mm/mlock.c, do_mlock and
// apply_vma_lock_flags), which CRIU reads as MAP_LOCKED and passes to mmap(2) (criu/proc_parse.c, __parse_vmflags):
// that fills all of it. Nobody but a process itself can say MLOCK_ONFAULT. So what it had touched stays locked, and
// the rest is not filled; of shared memory the images do not say what it had touched.
MendedImage with_locks_on_fault(std::string_view mm, const Pagemap& pages, const std::vector<AddressRange>& ranges) {
    return with_changed_mappings(mm, [&](std::string_view message) {
        const Vma vma(message);
        std::vector<std::string> parts;
        if ((vma.flags & MAP_LOCKED) == 0 || (vma.flags & (MAP_HUGETLB | MAP_GROWSDOWN)) != 0 ||
            !are_locked_on_fault(vma, ranges))
            return parts;
        const std::string unlocked = without_lock(message, vma);
        std::uint64_t done = vma.start;
        const auto leave_until = [&](std::uint64_t end) {
            if (done < end)
                parts.push_back(part_of(unlocked, vma, done, end));
            done = end;
        };
        if (vma.is_of_private_kind())
            for (const AddressRange& held : few_ranges(held_in(vma, pages.runs))) {
                leave_until(held.start);
                parts.push_back(part_of(message, vma, held.start, held.end));
                done = held.end;
            }
        leave_until(vma.end);
        return parts;
    });
}

} // namespace cedana::criu
