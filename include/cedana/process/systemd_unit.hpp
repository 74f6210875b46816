// SPDX-License-Identifier: Apache-2.0
// To which unit of systemd a process belongs, by its control group.
#pragma once

#include <string>
#include <string_view>

namespace cedana {

// "nginx.service" of "0::/system.slice/nginx.service" (/proc/PID/cgroup), the innermost of several; empty: of none.
// Of hosts with both versions of control groups, that of systemd's own hierarchy.
[[nodiscard]] std::string systemd_unit(std::string_view cgroups);

} // namespace cedana
