// SPDX-License-Identifier: Apache-2.0
// The main process of a unit of systemd. Some units stand for others and have no process themselves: postgresql.service
// of Debian for postgresql@15-main.service.
#pragma once

#include "cedana/host/systemd.hpp"
#include "cedana/process/systemd_unit.hpp"

#include <string>

#include <sys/types.h>

namespace cedana {

// "nginx.service" of "nginx". Throws Error(Fault::usage) for what is no name of a unit.
[[nodiscard]] SystemdUnit service_named(const std::string& name);

// The one service that this one stands for, or itself; whether any of them runs does not matter. Throws
// Error(Fault::usage) where systemd does not know it, and where it stands for several; Error(Fault::environment) where
// systemd does not run or does not answer.
[[nodiscard]] SystemdUnit working_unit(const SystemdUnit& unit);

struct UnitProcess {
    SystemdUnit unit = {};
    UnitState state = {};
};

// Its main process is there. Throws as working_unit(), and Error(Fault::no_process) if it does not run.
[[nodiscard]] UnitProcess running_unit(const SystemdUnit& unit);

} // namespace cedana
