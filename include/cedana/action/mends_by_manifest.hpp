// SPDX-License-Identifier: Apache-2.0
// What a manifest says beside CRIU's images, as these are mended by it: of memory that is locked as it is touched, and
// of limits.
#pragma once

#include "cedana/criu/image_mends.hpp"
#include "cedana/model/manifest.hpp"

#include <set>

namespace cedana {

[[nodiscard]] inline criu::LocksOnFault locks_on_fault(const Manifest& manifest) {
    criu::LocksOnFault locks;
    for (const ProcessAttributes& process : manifest.attributes)
        for (const MemoryRange& range : process.locked_on_fault)
            locks[process.pid].push_back({.start = range.start, .end = range.end});
    return locks;
}

// The processes whose limits it tells.
[[nodiscard]] inline std::set<pid_t> limits_put_back(const Manifest& manifest) {
    std::set<pid_t> processes;
    for (const ProcessAttributes& process : manifest.attributes)
        if (!process.limits.empty())
            processes.insert(process.pid);
    return processes;
}

} // namespace cedana
