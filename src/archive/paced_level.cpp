// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/paced_level.hpp"

#include "cedana/base/idle_time.hpp"

#include <algorithm>
#include <utility>

namespace cedana {

namespace {

// Of a processor: from which on there is one to spare, and below which there is none.
constexpr double k_spare = 0.5;
constexpr double k_none = 0.2;

PacedLevel::HostTime time_of_host() { return {.now = std::chrono::steady_clock::now(), .idle = idle_time()}; }

} // namespace

PacedLevel::PacedLevel(int least, int most, std::function<HostTime()> host_time)
    : host_time_(host_time ? std::move(host_time) : time_of_host), least_(least), most_(std::max(least, most)),
      level_(least), last_(host_time_()) {}

int PacedLevel::level() const {
    const std::scoped_lock lock(mutex_);
    return level_;
}

void PacedLevel::taker_is_slow() {
    constexpr auto k_every = std::chrono::milliseconds(100);
    const std::scoped_lock lock(mutex_);
    if (std::chrono::steady_clock::now() - last_.now < k_every)
        return;
    const HostTime before = std::exchange(last_, host_time_());
    if (!before.idle || !last_.idle)
        return;
    const double idle = std::chrono::duration<double>(*last_.idle - *before.idle) / (last_.now - before.now);
    if (idle > k_spare)
        level_ = std::min(level_ + 1, most_);
    else if (idle < k_none)
        level_ = std::max(level_ - 1, least_);
}

void PacedLevel::taker_is_quick() {
    const std::scoped_lock lock(mutex_);
    level_ = std::max(level_ - 1, least_);
}

} // namespace cedana
