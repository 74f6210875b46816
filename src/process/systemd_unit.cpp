// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/systemd_unit.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace cedana {

namespace {

// Slices hold units and are none that a process could be in alone.
bool is_unit(std::string_view name) {
    constexpr std::array<std::string_view, 5> k_kinds = {".service", ".scope", ".socket", ".mount", ".swap"};
    return std::ranges::any_of(
        k_kinds, [name](std::string_view kind) { return name.size() > kind.size() && name.ends_with(kind); });
}

std::string innermost_unit(const std::string& group) {
    const std::vector<std::string> names = split(group, '/');
    const auto found = std::find_if(names.rbegin(), names.rend(), is_unit);
    return found == names.rend() ? std::string() : *found;
}

} // namespace

std::string systemd_unit(std::string_view cgroups) {
    constexpr std::string_view k_own = ":name=systemd:";
    constexpr std::string_view k_version_2 = "0::";
    std::string unit;
    for (const std::string& line : split(std::string(cgroups), '\n')) {
        if (const std::size_t own = line.find(k_own); own != std::string::npos)
            return innermost_unit(line.substr(own + k_own.size()));
        if (line.starts_with(k_version_2))
            unit = innermost_unit(line.substr(k_version_2.size()));
    }
    return unit;
}

} // namespace cedana
