// SPDX-License-Identifier: Apache-2.0
// The memory of a checkpoint's processes mapping by mapping, and where their threads stood, decoded from the images
// that say so; the pages themselves are not read.
#pragma once

#include "cedana/checkpoint/reader.hpp"
#include "cedana/criu/memory_map.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct MappedRange {
    criu::Mapping mapping;
    // The path of a file, and otherwise "[heap]", "[stack]", …; empty for anonymous memory.
    std::string name;
    // Of its pages: the rest is read from the file again, or was never touched. Not known of a memfd.
    std::optional<std::uint64_t> bytes_in_images = {};
};

struct ThreadPlace {
    pid_t tid = 0;
    criu::ThreadState state;
};

struct MemoryMap {
    pid_t pid = 0;
    std::string comm;
    // By address. Empty for one that had ended, and was not reaped.
    std::vector<MappedRange> ranges = {};
    std::vector<ThreadPlace> threads = {};

    // "/usr/lib/libc.so.6+0x1f3a0", "[stack]+0x10"; empty for an address that is not mapped.
    [[nodiscard]] std::string place_of(std::uint64_t address) const;
};

// In the order of the tree. Throws Error(Fault::checkpoint) for images that are damaged.
[[nodiscard]] std::vector<MemoryMap> read_memory_maps(const Checkpoint& checkpoint);

} // namespace cedana
