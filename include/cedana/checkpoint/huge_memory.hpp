// SPDX-License-Identifier: Apache-2.0
// The private huge pages of a checkpoint, which CRIU does not bring (criu/huge_pages.hpp): found, left out of what CRIU
// is given, and put in place.
#pragma once

#include "cedana/archive/image_reader.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/criu/huge_pages.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct HugeMemory {
    struct Task {
        std::string image;
        std::vector<criu::PageRun> runs = {};
    };
    // Those that have some with content.
    std::map<pid_t, Task> tasks = {};
};

// Throws Error(Fault::checkpoint), and Error(Fault::environment) for what cannot be put in place: pages that their
// program has made read-only, since the kernel lets nobody else write to them (check_vma_flags() in mm/gup.c).
[[nodiscard]] HugeMemory read_huge_memory(const Checkpoint& checkpoint);

// `parts`: of images; those that are not there are read whole.
[[nodiscard]] ImageParts without(const HugeMemory& memory, const FrameIndex& index, ImageParts parts);

// Into tasks that are mapped and do not run. `pid_of`: what the task of an image is called here. Throws Error.
void put_in_place(const HugeMemory& memory, const Checkpoint& checkpoint, const std::function<pid_t(pid_t)>& pid_of,
                  const Interrupt& interrupt);

} // namespace cedana
