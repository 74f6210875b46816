// SPDX-License-Identifier: Apache-2.0
// How often the memory of a tree that still runs is compressed, and sent, before the tree stands still: again and again
// for as long as that leaves less to do then.
#pragma once

#include "cedana/base/progress.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/engine/memory_ahead.hpp"

#include <functional>
#include <vector>

#include <sys/types.h>

namespace cedana {

// `send`: called with each frame, from several threads; empty: nobody waits for it to go anywhere, so that once is
// enough. What it throws this throws; Error(Fault::interrupted).
void compress_memory_ahead(MemoryAhead& memory, const std::vector<pid_t>& pids,
                           const std::function<void(const FrameAhead& frame)>& send, const Interrupt& interrupt,
                           Progress& progress);

} // namespace cedana
