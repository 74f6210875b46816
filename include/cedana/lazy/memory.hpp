// SPDX-License-Identifier: Apache-2.0
// Which memory of a checkpoint can be put in place after its tree runs (private anonymous memory), and which CRIU must
// have before: shared memory, private pages of files, the pages that stacks are used at.
#pragma once

#include "cedana/archive/image_reader.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/lazy/fill.hpp"

#include <cstdint>
#include <map>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct LazyMemory {
    std::map<pid_t, criu::LazyTask> tasks;
    std::uint64_t lazy_bytes = 0;
    std::uint64_t eager_bytes = 0;
};

// Throws Error(Fault::checkpoint).
[[nodiscard]] LazyMemory read_lazy_memory(const Checkpoint& checkpoint);

// What CRIU is given of the images of pages: in a stream it takes no byte of a page that it leaves to others
// (restore_priv_vma_content in criu/mem.c).
[[nodiscard]] ImageParts eager_parts(const LazyMemory& memory);

// Of the checkpoint's file: what holds nothing but such pages, ascending and apart from each other. All else must be
// there before a lazy restore. Throws Error.
[[nodiscard]] std::vector<ByteRange> lazy_ranges(const Checkpoint& checkpoint, const LazyMemory& memory);

} // namespace cedana
