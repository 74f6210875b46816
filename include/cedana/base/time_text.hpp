// SPDX-License-Identifier: Apache-2.0
// Times and durations as people write and read them. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cedana {

// Takes exactly what utc_iso() gives: "2026-11-22T16:45:10Z".
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_utc_iso(std::string_view text);

// Takes exactly what utc_compact() gives: "20261122T164510Z".
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_utc_compact(std::string_view text);
inline constexpr std::size_t k_utc_compact_size = std::string_view("20261122T164510Z").size();

// "42s", "90s", "15m", "2h", "7d", "3w"; a number alone is not one.
[[nodiscard]] std::optional<std::chrono::seconds> parse_duration(std::string_view text);

// One unit, as much as is read at a glance: "42s", "15m", "2h", "7d"; of what lies ahead "0s".
[[nodiscard]] std::string human_age(std::chrono::seconds age);

// "0.4 s", "36 ms", "12 s", "3 min 20 s"
[[nodiscard]] std::string human_seconds(double seconds);

} // namespace cedana
