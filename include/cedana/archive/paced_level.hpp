// SPDX-License-Identifier: Apache-2.0
// The level of compression while somebody waits for what is compressed. Where the one that takes it is the slower (a
// line to another host) though processors are idle, a higher level gives it less to take, in time that would be waited
// for else. Where no processor is idle, it may be slow for just that, and a lower level leaves it more. For any number
// of threads.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>

namespace cedana {

class PacedLevel {
  public:
    // Of zstd: above it each step takes half as long again, for a few thousandths.
    static constexpr int k_most = 12;

    struct HostTime {
        std::chrono::steady_clock::time_point now;
        // Of all processors, since some moment (base/idle_time.hpp); absent: nobody knows.
        std::optional<std::chrono::milliseconds> idle;
    };
    // Between these levels, both included; it begins with the lower one.
    explicit PacedLevel(int least, int most = k_most, std::function<HostTime()> host_time = {});

    [[nodiscard]] int level() const;
    // One step up or down, or none, ten times a second at most.
    void taker_is_slow();
    // One step down.
    void taker_is_quick();

  private:
    std::function<HostTime()> host_time_;
    const int least_;
    const int most_;
    mutable std::mutex mutex_;
    int level_;
    HostTime last_;
};

} // namespace cedana
