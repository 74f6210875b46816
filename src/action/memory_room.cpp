// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/memory_room.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/undo/raised_limits.hpp"

#include <spdlog/fmt/fmt.h>

namespace cedana {

std::vector<MemoryLimit> limits_of(const Procfs& procfs, const ProcessTree& tree) {
    return memory_limits(procfs, tree, memory_hierarchies(read_file("/proc/self/mountinfo")));
}

void require_memory_room(const std::vector<MemoryLimit>& limits) {
    for (const MemoryLimit& limit : limits) {
        if (!limit.is_deadly() || can_raise(limit))
            continue;
        throw Error(
            Fault::dump_failed,
            fmt::format("the control group {} leaves no room for a dump: {} of {} are in use, {} of the tree are "
                        "swapped out and come back during it, and {} more are needed for a moment",
                        printable(limit.group.string()), human_bytes(limit.usage), human_bytes(limit.limit),
                        human_bytes(limit.swapped), human_bytes(limit.needed - limit.swapped)))
            .cause("its limit cannot be changed from here, and the kernel would end a process of the tree")
            .hint(fmt::format("raise the limit to {} or more for the dump, from where it can be changed: {}",
                              human_bytes(limit.usage + limit.needed),
                              limit.files.empty() ? limit.group.string() : limit.files.front().path.string()));
    }
}

} // namespace cedana
