// SPDX-License-Identifier: Apache-2.0
// The file that a watch of inotify is on, found by its handle (open_by_handle_at(2)).
#pragma once

#include "cedana/process/procfs.hpp"

#include <optional>
#include <string_view>

#include <sys/stat.h>

namespace cedana {

// `line`: of /proc/PID/fdinfo. One that was removed has no names (st_nlink); absent where it cannot be looked at, and
// of other lines. Nobody notices it.
[[nodiscard]] std::optional<struct ::stat> look_at_watched(const Procfs& procfs, pid_t pid, std::string_view line);

} // namespace cedana
