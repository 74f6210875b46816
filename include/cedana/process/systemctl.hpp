// SPDX-License-Identifier: Apache-2.0
// systemd of this host, asked by systemctl(1).
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/process/systemd_unit.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace cedana {

// systemd answers at once unless it hangs, and then a tree may stand still meanwhile.
inline constexpr auto k_systemctl_limit = std::chrono::seconds(30);

// systemd runs this host (sd_booted(3)), and is the first process of this pid namespace.
[[nodiscard]] bool has_systemd();

// Of the manager that has the unit. Throws Error(Fault::environment) where there is none, and when it does not answer.
[[nodiscard]] Captured ask_systemd(const SystemdUnit& unit, const std::vector<std::string>& words,
                                   std::chrono::milliseconds limit);

// After a change of a unit's files, by the manager that has it. Throws Error(Fault::environment).
void reload_units(const SystemdUnit& of);

} // namespace cedana
