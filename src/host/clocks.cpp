// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/clocks.hpp"

#include "cedana/base/error.hpp"

#include <array>
#include <chrono>
#include <ctime>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

std::chrono::nanoseconds shown_by(clockid_t clock) {
    timespec time{};
    if (::clock_gettime(clock, &time) != 0)
        throw OsFailure(Fault::environment).error("cannot read a clock of this host");
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

} // namespace

std::optional<std::string> clock_behind(const criu::DumpedClocks& shown) {
    struct Clock {
        const char* name;
        clockid_t id;
        std::chrono::nanoseconds at_dump;
    };
    const std::array<Clock, 2> clocks = {
        {{"CLOCK_MONOTONIC", CLOCK_MONOTONIC, shown.monotonic}, {"CLOCK_BOOTTIME", CLOCK_BOOTTIME, shown.boottime}}};
    for (const Clock& clock : clocks) {
        const auto here = shown_by(clock.id);
        if (here < clock.at_dump)
            return fmt::format("{} would go back for it: it showed {:.0f} s, and shows {:.0f} s on this host",
                               clock.name, std::chrono::duration<double>(clock.at_dump).count(),
                               std::chrono::duration<double>(here).count());
    }
    return std::nullopt;
}

} // namespace cedana
