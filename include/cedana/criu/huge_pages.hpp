// SPDX-License-Identifier: Apache-2.0
// Private memory in huge pages (hugetlb, MAP_HUGETLB of mmap(2)). CRIU reads it in the restorer by preadv(2), which a
// stream does not have (restore_priv_vma_content() in criu/mem.c, process_async_reads() in criu/pagemap.c); so CRIU is
// told of no such pages, and they are put in place by somebody else once all mappings are there.
#pragma once

#include "cedana/criu/pagemap.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::criu {

struct HugeMapping {
    AddressRange range;
    // Of a page, in bytes.
    std::uint64_t page_size = 0;
    bool is_shared = false;
    bool is_writable = true;
    // The kernel sets all of its pages aside at once (without MAP_NORESERVE).
    bool is_reserved = true;
    // Of a shared one: which.
    std::uint64_t object = 0;

    bool operator==(const HugeMapping&) const = default;
};

// All three throw Error(Fault::checkpoint) for what is no such image.

// Of mm-PID.img.
[[nodiscard]] std::vector<HugeMapping> parse_huge_mappings(std::string_view mm);
// Of what a task's pagemap counts the pages of its private huge mappings.
[[nodiscard]] std::vector<PageRun> huge_runs(const Pagemap& map, const std::vector<HugeMapping>& mappings);
// pagemap-PID.img without them; absent if it has none.
[[nodiscard]] std::optional<std::string> without_huge_pages(std::string_view pagemap, std::string_view mm);

} // namespace cedana::criu
