// SPDX-License-Identifier: Apache-2.0
// What /proc/PID/fdinfo tells of a watch of inotify or fanotify.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <spdlog/fmt/fmt.h>

namespace cedana {

// All numbers of such a line are hexadecimal (fs/notify/fdinfo.c).
inline std::optional<std::uint64_t> hexadecimal_after(std::string_view line, std::string_view key) {
    const std::size_t at = line.find(key);
    if (at == std::string_view::npos)
        return std::nullopt;
    const std::string_view rest = line.substr(at + key.size());
    std::uint64_t number = 0;
    return std::from_chars(rest.data(), rest.data() + rest.size(), number, 16).ec == std::errc() ? std::optional(number)
                                                                                                 : std::nullopt;
}

// The kernel's own form of a device number (MKDEV of linux/kdev_t.h), "8:19" in mountinfo.
inline std::string device_text(std::uint64_t device) {
    constexpr unsigned k_minor_bits = 20;
    return fmt::format("{}:{}", device >> k_minor_bits, device & ((1U << k_minor_bits) - 1));
}

} // namespace cedana
