// SPDX-License-Identifier: Apache-2.0
// The kernel's times of clocks and files, as one number each.
#pragma once

#include <chrono>

#include <time.h>

namespace cedana {

// Of a file's time: since 1970, and before it with a negative number.
[[nodiscard]] constexpr std::chrono::nanoseconds nanoseconds_of(const timespec& time) noexcept {
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// The other way; tv_nsec is never negative, which utimensat(2) asks for.
[[nodiscard]] constexpr timespec timespec_of(std::chrono::nanoseconds time) noexcept {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    return {.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
}

// Throws OsError where the kernel has no such clock (clock_gettime(2)).
[[nodiscard]] std::chrono::nanoseconds time_of_clock(clockid_t clock);

} // namespace cedana
