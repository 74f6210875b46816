// SPDX-License-Identifier: Apache-2.0
// The mappings of a process, from /proc/PID/maps or smaps (proc(5)).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace cedana {

struct MemoryArea {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    bool is_readable = false;
    bool is_executable = false;
    // Not shared (MAP_PRIVATE of mmap(2)).
    bool is_private = false;
    // 0: of no file.
    std::uint64_t inode = 0;
    // Into the text that was parsed: a path, "[heap]", or empty.
    std::string_view name = {};
    // From smaps, into the text too: the two letters of each flag ("rd wr mr"); empty from maps.
    std::string_view flags = {};
    // From smaps (pkeys(7)); 0: none.
    std::uint64_t protection_key = 0;

    [[nodiscard]] bool has_flag(std::string_view flag) const { return flags.find(flag) != std::string_view::npos; }
    [[nodiscard]] std::uint64_t size() const { return end - start; }
};

// In ascending order. Lines of another form are passed over.
[[nodiscard]] std::vector<MemoryArea> parse_areas(std::string_view maps);

} // namespace cedana
