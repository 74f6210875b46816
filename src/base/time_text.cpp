// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/time_text.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

struct Unit {
    char letter;
    std::int64_t seconds;
};

constexpr std::array k_units = {Unit{'s', 1}, Unit{'m', 60}, Unit{'h', 3600}, Unit{'d', 86400}, Unit{'w', 604800}};
// A thousand years: sums of a few of them fit everywhere.
constexpr std::int64_t k_longest = 1000L * 366 * 86400;

} // namespace

std::optional<std::chrono::system_clock::time_point> parse_utc_iso(std::string_view text) {
    std::tm parts{};
    const std::string copy(text);
    const char* const end = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (end == nullptr || *end != '\0')
        return std::nullopt;
    using Clock = std::chrono::system_clock;
    const std::chrono::seconds since_epoch(::timegm(&parts));
    // It counts nanoseconds in 64 bits: from 1677 to 2262.
    if (since_epoch <= std::chrono::duration_cast<std::chrono::seconds>(Clock::duration::min()) ||
        since_epoch >= std::chrono::duration_cast<std::chrono::seconds>(Clock::duration::max()))
        return std::nullopt;
    const Clock::time_point when(since_epoch);
    // strptime(3) takes "2026-2-30" too.
    return utc_iso(when) == text ? std::optional(when) : std::nullopt;
}

std::optional<std::chrono::system_clock::time_point> parse_utc_compact(std::string_view text) {
    if (text.size() != k_utc_compact_size)
        return std::nullopt;
    return parse_utc_iso(fmt::format("{}-{}-{}:{}:{}", text.substr(0, 4), text.substr(4, 2), text.substr(6, 5),
                                     text.substr(11, 2), text.substr(13)));
}

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
    if (text.empty())
        return std::nullopt;
    const auto* const unit = std::ranges::find(k_units, text.back(), &Unit::letter);
    std::int64_t number = 0;
    if (unit == k_units.end() || !parse_number(text.substr(0, text.size() - 1), number) || number < 0 ||
        number > k_longest / unit->seconds)
        return std::nullopt;
    return std::chrono::seconds(number * unit->seconds);
}

std::string human_age(std::chrono::seconds age) {
    const std::int64_t seconds = std::max<std::int64_t>(age.count(), 0);
    if (seconds < 120)
        return fmt::format("{}s", seconds);
    if (seconds < 120 * 60)
        return fmt::format("{}m", seconds / 60);
    if (seconds < 48 * 3600)
        return fmt::format("{}h", seconds / 3600);
    return fmt::format("{}d", seconds / 86400);
}

std::string human_seconds(double seconds) {
    if (seconds < 0.0995)
        return fmt::format("{:.0f} ms", seconds * 1000);
    if (seconds < 9.95)
        return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<std::int64_t>(std::llround(seconds));
    return whole < 120 ? fmt::format("{} s", whole) : fmt::format("{} min {} s", whole / 60, whole % 60);
}

} // namespace cedana
