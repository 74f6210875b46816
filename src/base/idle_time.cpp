// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/idle_time.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace cedana {

std::optional<std::chrono::milliseconds> parse_idle_time(std::string_view uptime) {
    const std::string_view idle = trim(uptime.substr(std::min(uptime.find(' '), uptime.size())));
    const std::size_t point = idle.find('.');
    std::int64_t seconds = 0;
    std::int64_t hundredths = 0;
    if (point == std::string_view::npos || idle.size() != point + 3 || !parse_number(idle.substr(0, point), seconds) ||
        !parse_number(idle.substr(point + 1), hundredths))
        return std::nullopt;
    return std::chrono::seconds(seconds) + std::chrono::milliseconds(10 * hundredths);
}

std::optional<std::chrono::milliseconds> idle_time() {
    constexpr std::size_t k_most = 256;
    try {
        return parse_idle_time(read_file("/proc/uptime", k_most));
    } catch (const Error&) {
        return std::nullopt;
    }
}

} // namespace cedana
