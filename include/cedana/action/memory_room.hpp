// SPDX-License-Identifier: Apache-2.0
// Whether the control groups of a tree leave it the memory that it needs while it is dumped.
#pragma once

#include "cedana/process/memory_limits.hpp"

#include <vector>

namespace cedana {

// With the hierarchies of this process.
[[nodiscard]] std::vector<MemoryLimit> limits_of(const Procfs& procfs, const ProcessTree& tree);

// Throws Error(Fault::dump_failed), with the figures, where a dump would end a process of the tree: there is no room
// below a limit, and it cannot be raised (undo/raised_limits.hpp).
void require_memory_room(const std::vector<MemoryLimit>& limits);

} // namespace cedana
