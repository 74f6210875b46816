// SPDX-License-Identifier: Apache-2.0
// What an action needs from the host before it begins, and what it leaves there when it fails.
#pragma once

#include "cedana/model/manifest.hpp"

#include <filesystem>
#include <string>

#include <sys/types.h>

namespace cedana {

// Throws Error(Fault::permission) with the command to type.
void require_root(const std::string& to_do);

// As uname(2) has it.
[[nodiscard]] std::string host_name();

// Name, kernel, machine and CPU of this host.
[[nodiscard]] ManifestHost describe_host();

// Where working folders are made: /run/cedana, 0700 and root's. Throws Error when it is somebody else's.
[[nodiscard]] std::filesystem::path state_folder();

// Throws as state_folder() does when it is somebody else's; makes nothing.
void require_own_state_folder();

// Copies CRIU's log out of a working folder that is about to go, to /var/log/cedana/KIND-PID-DATETIME.log; empty if
// there is none or it cannot be kept.
[[nodiscard]] std::string keep_log(const std::filesystem::path& log, const std::string& kind, pid_t pid);

// As much of a log as is needed to read what went wrong: of one above 64 MiB, its first and last 32; empty if there is
// none.
[[nodiscard]] std::string read_log(const std::filesystem::path& log);
// The first 64 KiB of a log, in which CRIU names its run; empty if there is none.
[[nodiscard]] std::string read_log_head(const std::filesystem::path& log);

} // namespace cedana
