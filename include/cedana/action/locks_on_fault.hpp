// SPDX-License-Identifier: Apache-2.0
// What a manifest says of memory that is locked as it is touched, as CRIU's images are mended by it.
#pragma once

#include "cedana/criu/image_mends.hpp"
#include "cedana/model/manifest.hpp"

namespace cedana {

[[nodiscard]] inline criu::LocksOnFault locks_on_fault(const Manifest& manifest) {
    criu::LocksOnFault locks;
    for (const ProcessAttributes& process : manifest.attributes)
        for (const MemoryRange& range : process.locked_on_fault)
            locks[process.pid].push_back({.start = range.start, .end = range.end});
    return locks;
}

} // namespace cedana
