// SPDX-License-Identifier: Apache-2.0
// How much of this host's processors nobody has used (/proc/uptime, proc(5)).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace cedana {

// Since the host started, of all its processors together; the kernel tells hundredths of a second. Absent where it
// does not tell.
[[nodiscard]] std::optional<std::chrono::milliseconds> idle_time();
// `uptime`: as /proc/uptime has it, "SECONDS IDLE-SECONDS".
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_idle_time(std::string_view uptime);

} // namespace cedana
