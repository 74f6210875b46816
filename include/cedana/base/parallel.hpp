// SPDX-License-Identifier: Apache-2.0
// Work that falls into parts of which each can be done by any thread. Not for pipelines, whose threads wait for each
// other.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>

namespace cedana {

// At least 1.
[[nodiscard]] unsigned core_count() noexcept;

// For many small parts: as many threads as there are cores, at most 8, each with at least `least` of the parts.
[[nodiscard]] unsigned threads_for(std::size_t count, std::size_t least) noexcept;

// A part of the work; `stop` is requested when another part has failed, so that a long one can end early.
using ParallelWork = std::function<void(std::size_t part, const std::stop_token& stop)>;

// Does the parts 0 to `count` - 1, each once and in this order as threads become free: the caller's own, and up to
// `threads` - 1 others, as many of these as the system gives. Returns when all have ended. After a part that throws no
// further one begins, and what the first of them threw is thrown once all threads have ended.
void parallel(std::size_t count, unsigned threads, const ParallelWork& work);

} // namespace cedana
