// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/systemd_unit.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// Slices hold units and are none that a process could be in alone.
bool is_unit(std::string_view name) {
    constexpr std::array<std::string_view, 5> k_kinds = {".service", ".scope", ".socket", ".mount", ".swap"};
    return std::ranges::any_of(
        k_kinds, [name](std::string_view kind) { return name.size() > kind.size() && name.ends_with(kind); });
}

// "1000" of "user@1000.service", the unit of a user's manager; empty of all others.
std::string user_of_manager(std::string_view name) {
    constexpr std::string_view k_start = "user@";
    constexpr std::string_view k_end = ".service";
    if (!name.starts_with(k_start) || !name.ends_with(k_end) || name.size() <= k_start.size() + k_end.size())
        return {};
    return std::string(name.substr(k_start.size(), name.size() - k_start.size() - k_end.size()));
}

SystemdUnit innermost_unit(const std::string& group) {
    SystemdUnit unit;
    for (const std::string& name : split(group, '/')) {
        if (!is_unit(name))
            continue;
        if (std::string user = user_of_manager(unit.name); !user.empty())
            unit.user = std::move(user);
        unit.name = name;
    }
    return unit;
}

} // namespace

std::string SystemdUnit::systemctl() const { return user.empty() ? "systemctl" : "systemctl --user"; }

SystemdUnit systemd_unit(std::string_view cgroups) {
    constexpr std::string_view k_own = ":name=systemd:";
    constexpr std::string_view k_version_2 = "0::";
    SystemdUnit unit;
    for (const std::string& line : split(std::string(cgroups), '\n')) {
        if (const std::size_t own = line.find(k_own); own != std::string::npos)
            return innermost_unit(line.substr(own + k_own.size()));
        if (line.starts_with(k_version_2))
            unit = innermost_unit(line.substr(k_version_2.size()));
    }
    return unit;
}

std::string drop_in_hint(const SystemdUnit& unit, std::string_view line, std::string_view cost) {
    return fmt::format(
        "run {0} edit {1}, put in the lines [Service] and {2}, and run {0} restart {1}; what that costs: "
        "{3}",
        unit.systemctl(), unit.name, line, cost);
}

} // namespace cedana
