// SPDX-License-Identifier: Apache-2.0
// What systemd says of a unit, and having it stop one: by systemctl(1).
#pragma once

#include "cedana/host/unit_drop_in.hpp"
#include "cedana/process/systemd_unit.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct UnitState {
    // "active", "inactive", "failed", "deactivating"
    std::string active = {};
    // 0: it has none.
    pid_t main_pid = 0;
    // What systemd runs to stop it, as it was written (ExecStop=); empty: nothing but signals.
    std::string stop_command = {};
    // What it runs once it is stopped (ExecStopPost=), likewise.
    std::string stop_post_command = {};
    // Units that are started when it fails (OnFailure=).
    std::string on_failure = {};
    // Within which time it must call (WatchdogSec=); zero: it need not.
    std::chrono::microseconds watchdog{};
    // Folders that systemd makes for it and takes away when it stops, below /run: "redis" (RuntimeDirectory=).
    std::string runtime_folders = {};
    // It has a /tmp and /var/tmp of its own (PrivateTmp=).
    bool has_private_tmp = false;
    // Where it writes the pid of its main process, and systemd takes that away (PIDFile=).
    std::string pid_file = {};
    // Those that start it when somebody connects, and whose listening sockets it is given (Sockets=).
    std::vector<std::string> sockets = {};
    UnitSandbox sandbox = {};
    // It tells systemd of a reload, with the time of its monotonic clock, which must be that of systemd
    // (Type=notify-reload).
    bool times_reloads = false;
    // It starts nothing that goes on (Type=oneshot).
    bool is_oneshot = false;
    // Services that start or stop with it (Wants=, and PartOf= of theirs).
    std::vector<std::string> members = {};

    // It stands for others, and has no process itself.
    [[nodiscard]] bool is_umbrella() const { return is_oneshot && main_pid == 0 && !members.empty(); }
};

// Of what `systemctl show` prints. Pure.
[[nodiscard]] UnitState parse_unit_state(const std::string& shown);

// Absent where systemd does not run or does not know such a unit. Throws Error(Fault::environment) when it does not
// answer.
[[nodiscard]] std::optional<UnitState> look_at_unit(const SystemdUnit& unit);

// Of its sockets, those at which systemd listens. Throws Error(Fault::environment).
[[nodiscard]] std::vector<std::string> listening_sockets(const SystemdUnit& unit, const UnitState& state);

// Returns as soon as systemd has it in hand: it is on the way to end all processes of the unit, and does not start them
// anew, whatever Restart= says. Throws Error(Fault::environment).
void begin_to_stop(const SystemdUnit& unit);

// Returns once systemd has done what begin_to_stop() has begun; false if that was not within `limit`. That its main
// process was killed is no failure of the unit then.
[[nodiscard]] bool has_stopped(const SystemdUnit& unit, std::chrono::seconds limit);

// Tells systemd, of the unit that this process was started for, in the words of sd_notify(3). Throws
// Error(Fault::environment).
void notify_systemd(const std::string& words);
// Tells the manager of a user, by their number, for a process of one of its units. Needs to be root.
void notify_systemd_of_user(const std::string& user, pid_t process, const std::string& words);

} // namespace cedana
