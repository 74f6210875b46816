// SPDX-License-Identifier: Apache-2.0
// The memory of a process by kind, as the kernel counts it (RssAnon, RssFile, RssShmem and VmSwap of proc(5)).
#pragma once

#include <cstdint>

namespace cedana {

struct ProcessMemory {
    // Its own: heap, stacks, changed pages of private mappings. Most of what a checkpoint holds.
    std::uint64_t anonymous = 0;
    // Pages of files: programs and libraries, which a checkpoint does not hold.
    std::uint64_t file_backed = 0;
    // Shared memory, counted in every process that uses it.
    std::uint64_t shared = 0;
    std::uint64_t swapped = 0;

    [[nodiscard]] std::uint64_t total() const noexcept { return anonymous + file_backed + shared + swapped; }
    bool operator==(const ProcessMemory&) const = default;
};

} // namespace cedana
