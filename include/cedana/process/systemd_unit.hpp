// SPDX-License-Identifier: Apache-2.0
// To which unit of systemd a process belongs, by its control group; and how a unit is changed.
#pragma once

#include <string>
#include <string_view>

namespace cedana {

struct SystemdUnit {
    // "nginx.service"; empty: none.
    std::string name = {};
    // The user id whose manager (systemd --user) has it, as a number; empty: the one of the system.
    std::string user = {};

    // Not a scope, whose processes systemd has not started itself: a session, a container.
    [[nodiscard]] bool is_service() const { return name.ends_with(".service"); }
    // "systemctl", or as it is asked for a user's: "systemctl --user"
    [[nodiscard]] std::string systemctl() const;
    friend bool operator==(const SystemdUnit&, const SystemdUnit&) = default;
};

// "nginx.service" of "0::/system.slice/nginx.service" (/proc/PID/cgroup), the innermost of several. Of hosts with both
// versions of control groups, that of systemd's own hierarchy.
[[nodiscard]] SystemdUnit systemd_unit(std::string_view cgroups);

// How the unit gets this line in its section [Service], and what that costs: a hint.
[[nodiscard]] std::string drop_in_hint(const SystemdUnit& unit, std::string_view line, std::string_view cost);

} // namespace cedana
