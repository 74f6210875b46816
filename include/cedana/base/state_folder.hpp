// SPDX-License-Identifier: Apache-2.0
// Where cedana keeps what lasts as long as its work (work folders and locks), and what somebody may want to read later.
#pragma once

#include <filesystem>
#include <optional>

namespace cedana {

// Of all that cedanas of this host leave each other: root's alone.
inline constexpr const char* k_state_path = "/run/cedana";

// /run/cedana, 0700 and root's; made if it is not there. Throws Error(Fault::permission) when it is somebody else's,
// Error(Fault::storage) when it cannot be made.
[[nodiscard]] std::filesystem::path state_folder();

// Throws as state_folder() does when it is somebody else's, or cannot be made; makes nothing.
void require_own_state_folder();

// The same if it is there and can be trusted; makes nothing.
[[nodiscard]] std::optional<std::filesystem::path> own_state_folder();

// Logs of failures, the output of restored programs that has no other place, and which backups restores made.
inline constexpr const char* k_log_folder = "/var/log/cedana";
// Makes it, with those above it, 0700. What goes wrong shows when a file is made in it.
void make_log_folder(const std::filesystem::path& folder = k_log_folder);

} // namespace cedana
