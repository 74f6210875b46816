// SPDX-License-Identifier: Apache-2.0
// What systemd says of a unit, and having it stop one: by systemctl(1).
#pragma once

#include "cedana/host/unit_drop_in.hpp"
#include "cedana/process/systemd_unit.hpp"

#include <chrono>
#include <optional>
#include <string>

#include <sys/types.h>

namespace cedana {

// systemd runs this host (sd_booted(3)), and is the first process of this pid namespace.
[[nodiscard]] bool has_systemd();

struct UnitState {
    // "active", "inactive", "failed", "deactivating"
    std::string active = {};
    // 0: it has none.
    pid_t main_pid = 0;
    // What systemd runs to stop it, as it was written (ExecStop=); empty: nothing but signals.
    std::string stop_command = {};
    // Within which time it must call (WatchdogSec=); zero: it need not.
    std::chrono::microseconds watchdog{};
    // Folders that systemd makes for it and takes away when it stops, below /run: "redis" (RuntimeDirectory=).
    std::string runtime_folders = {};
    // Where it writes the pid of its main process, and systemd takes that away (PIDFile=).
    std::string pid_file = {};
    UnitSandbox sandbox = {};
};

// Of what `systemctl show` prints. Pure.
[[nodiscard]] UnitState parse_unit_state(const std::string& shown);

// Absent where systemd does not run or does not know such a unit. Throws Error(Fault::environment) when it does not
// answer.
[[nodiscard]] std::optional<UnitState> look_at_unit(const SystemdUnit& unit);

// Returns as soon as systemd has it in hand: it is on the way to end all processes of the unit, and does not start them
// anew, whatever Restart= says. Throws Error(Fault::environment).
void begin_to_stop(const SystemdUnit& unit);

// Returns once systemd has done what begin_to_stop() has begun; false if that was not within `limit`. That its main
// process was killed is no failure of the unit then.
[[nodiscard]] bool has_stopped(const SystemdUnit& unit, std::chrono::seconds limit);

// After a change of a unit's files. Throws Error(Fault::environment).
void reload_units();

// Tells systemd, of the unit that this process was started for, in the words of sd_notify(3). Throws
// Error(Fault::environment).
void notify_systemd(const std::string& words);

} // namespace cedana
