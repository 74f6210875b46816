// SPDX-License-Identifier: Apache-2.0
// What systemd is told by whoever it has started (sd_notify(3)): one datagram to the socket that NOTIFY_SOCKET names.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace cedana::job {

// "READY=1\nSTATUS=…". Nothing without such a socket, or where nobody listens.
void tell_service_manager(const std::string& what);

// How often the manager wants to hear WATCHDOG=1 (sd_watchdog_enabled(3)); absent: not at all.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval();

} // namespace cedana::job
