// SPDX-License-Identifier: Apache-2.0
// A file with the pid of what was restored, as daemons write one: for systemd (PIDFile=) and whoever else looks after
// it.
#pragma once

#include "cedana/model/caller.hpp"

#include <filesystem>

#include <sys/types.h>

namespace cedana {

// Throws Error where write_pid_file() would; makes nothing.
void require_pid_file(const Caller& caller, const std::filesystem::path& path);

// The file holds the pid and a line feed, with the rights of the caller. Throws Error(Fault::storage),
// Error(Fault::permission).
void write_pid_file(const Caller& caller, const std::filesystem::path& path, pid_t pid);

} // namespace cedana
