// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/compress_ahead.hpp"

#include "cedana/base/units.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <mutex>

namespace cedana {

void compress_memory_ahead(MemoryAhead& memory, const std::vector<pid_t>& pids,
                           const std::function<void(const FrameAhead& frame)>& send, const Interrupt& interrupt,
                           Progress& progress) {
    constexpr int k_most_passes = 5;
    // Of what was looked at.
    constexpr std::uint64_t k_little = 64;
    std::mutex mutex;
    const auto seen = [&](std::uint64_t done, std::uint64_t all) {
        const std::scoped_lock lock(mutex);
        progress.bytes(done, all);
    };
    const auto fresh = [&](const FrameAhead& frame) {
        if (send)
            send(frame);
    };
    // A pass that finds half of what the one before found does not end with less than the one before.
    std::uint64_t most_fresh = std::numeric_limits<std::uint64_t>::max();
    for (int passes = 0; passes < k_most_passes; ++passes) {
        const MemoryAhead::Pass pass = memory.look(pids, most_fresh, fresh, seen, interrupt);
        if (!send || pass.fresh <= std::max(pass.seen / k_little, k_mib) || pass.fresh > most_fresh)
            return;
        most_fresh = pass.fresh / 2;
    }
}

} // namespace cedana
