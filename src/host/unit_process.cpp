// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/unit_process.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/process/systemctl.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

UnitState require_known(const SystemdUnit& unit) {
    if (!has_systemd())
        throw Error(Fault::environment, "systemd does not run this host");
    auto state = look_at_unit(unit);
    if (!state)
        throw Error(Fault::usage, fmt::format("systemd knows no {}", printable(unit.name)))
            .hint("systemctl list-units --type=service --all shows which there are");
    return std::move(*state);
}

} // namespace

SystemdUnit service_named(const std::string& name) {
    if (name.empty() || name.front() == '-' || name.find('/') != std::string::npos || printable(name) != name)
        throw Error(Fault::usage, fmt::format("{} is no name of a unit", printable(name)));
    SystemdUnit unit{.name = name.find('.') == std::string::npos ? name + ".service" : name};
    if (!unit.is_service())
        throw Error(Fault::usage, fmt::format("{} is no service", printable(name))).hint("name one: nginx.service");
    return unit;
}

SystemdUnit working_unit(const SystemdUnit& unit) {
    const UnitState state = require_known(unit);
    if (!state.is_umbrella())
        return unit;
    if (state.members.size() == 1)
        return {.name = state.members.front()};
    throw Error(Fault::usage, fmt::format("{} stands for several: {}", printable(unit.name),
                                          printable(fmt::format("{}", fmt::join(state.members, ", ")))))
        .hint("name one of them");
}

UnitProcess running_unit(const SystemdUnit& unit) {
    const SystemdUnit working = working_unit(unit);
    UnitState state = require_known(working);
    if (state.main_pid <= 0)
        throw Error(Fault::no_process, fmt::format("{} does not run", printable(working.name)))
            .hint(fmt::format("systemctl start {}", shell_word(working.name)));
    return {.unit = working, .state = std::move(state)};
}

} // namespace cedana
