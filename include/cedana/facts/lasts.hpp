// SPDX-License-Identifier: Apache-2.0
// Some states are normal for a moment and keep CRIU from a dump only if they last. No event tells their end.
#pragma once

#include <chrono>
#include <thread>

namespace cedana {

// Looks again and again, for about a second; false at the first look that does not see it.
template <typename Seen>
[[nodiscard]] bool lasts(Seen&& seen) {
    constexpr int k_looks = 40;
    constexpr auto k_between = std::chrono::milliseconds(25);
    for (int look = 0; look < k_looks; ++look) {
        if (!seen())
            return false;
        std::this_thread::sleep_for(k_between);
    }
    return true;
}

} // namespace cedana
