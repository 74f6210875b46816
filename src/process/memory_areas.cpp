// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/memory_areas.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

namespace cedana {

namespace {

std::string_view cut(std::string_view& text, char separator) {
    const std::string_view part = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    return part;
}

std::optional<std::uint64_t> number_of(std::string_view text, int base) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// "7f00-7f01 rw-p 00000000 00:00 0    [heap]"
std::optional<MemoryArea> parse_area(std::string_view line) {
    std::string_view range = cut(line, ' ');
    const auto start = number_of(cut(range, '-'), 16);
    const auto end = number_of(range, 16);
    const std::string_view mode = cut(line, ' ');
    if (!start || !end || mode.size() != 4)
        return std::nullopt;
    cut(line, ' ');
    cut(line, ' ');
    const auto inode = number_of(cut(line, ' '), 10);
    if (!inode)
        return std::nullopt;
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    return MemoryArea{.start = *start,
                      .end = *end,
                      .is_readable = mode[0] == 'r',
                      .is_executable = mode[2] == 'x',
                      .is_private = mode[3] == 'p',
                      .inode = *inode,
                      .name = line};
}

} // namespace

std::vector<MemoryArea> parse_areas(std::string_view maps) {
    constexpr std::string_view k_flags = "VmFlags: ";
    constexpr std::string_view k_key = "ProtectionKey:";
    std::vector<MemoryArea> areas;
    while (!maps.empty()) {
        const std::string_view line = cut(maps, '\n');
        if (line.starts_with(k_flags) && !areas.empty())
            areas.back().flags = line.substr(k_flags.size());
        else if (line.starts_with(k_key) && !areas.empty())
            areas.back().protection_key = number_of(line.substr(line.find_last_of(' ') + 1), 10).value_or(0);
        else if (const auto area = parse_area(line))
            areas.push_back(*area);
    }
    return areas;
}

} // namespace cedana
