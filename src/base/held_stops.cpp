// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/held_stops.hpp"

#include <utility>

namespace cedana {

HeldStops::HeldStops() noexcept {
    sigset_t stops;
    sigemptyset(&stops);
    for (const int number : {SIGTSTP, SIGTTIN, SIGTTOU})
        sigaddset(&stops, number);
    held_ = ::pthread_sigmask(SIG_BLOCK, &stops, &before_) == 0;
}

void HeldStops::let() noexcept {
    if (std::exchange(held_, false))
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

} // namespace cedana
