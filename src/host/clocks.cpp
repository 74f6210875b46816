// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/clocks.hpp"

#include "cedana/base/kernel_time.hpp"

#include <array>
#include <chrono>
#include <ctime>

#include <spdlog/fmt/fmt.h>

namespace cedana {

std::optional<std::string> clock_behind(const criu::DumpedClocks& shown) {
    struct Clock {
        const char* name;
        clockid_t id;
        std::chrono::nanoseconds at_dump;
    };
    const std::array<Clock, 2> clocks = {
        {{"CLOCK_MONOTONIC", CLOCK_MONOTONIC, shown.monotonic}, {"CLOCK_BOOTTIME", CLOCK_BOOTTIME, shown.boottime}}};
    for (const Clock& clock : clocks) {
        const auto here = time_of_clock(clock.id);
        if (here < clock.at_dump)
            return fmt::format("{} would go back for it: it showed {:.0f} s, and shows {:.0f} s on this host",
                               clock.name, std::chrono::duration<double>(clock.at_dump).count(),
                               std::chrono::duration<double>(here).count());
    }
    return std::nullopt;
}

} // namespace cedana
