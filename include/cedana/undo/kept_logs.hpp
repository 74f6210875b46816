// SPDX-License-Identifier: Apache-2.0
// The logs of failed runs. A long log is shortened, and old logs are removed, so that neither one failure nor many fill
// the disk. Several cedana may use the folder at the same time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace cedana {

struct LogLimits {
    std::uint64_t bytes_each = 1024UL * 1024;
    std::size_t count = 100;
    std::uint64_t bytes_all = 64UL * 1024 * 1024;
};

// Of a log that is longer: its first and its last lines, the first of the lines between them that hold an error or a
// warning of CRIU, and a line that says how much is left out. Throws Error when it cannot be read.
[[nodiscard]] std::string shortened_log(int fd, const std::filesystem::path& path, std::uint64_t limit);

// Whether a file of this name is a kept log: KIND-PID-DATETIME.log, or the same with _NUMBER before the ending.
[[nodiscard]] bool is_kept_log(std::string_view name);

// Makes room for one more log: removes the oldest kept logs until the others and the new one are within the limits.
// A log that another cedana writes is left, and so is a file of another name. Does nothing while another cedana does
// the same: the limits are then exceeded until the next log is kept.
void remove_old_logs(const std::filesystem::path& folder, const LogLimits& limits) noexcept;

// Copies a log, as shortened_log() has it, to a new file KIND-PID-DATETIME.log in `folder`, which is made (0700) if it
// is missing. Its path; empty if there is no such log or it cannot be kept, and nothing of it is left then.
[[nodiscard]] std::string keep_log_in(const std::filesystem::path& folder, const std::filesystem::path& log,
                                      std::string_view kind, pid_t pid, const LogLimits& limits = {});

// Copies CRIU's log out of a work folder that is about to go, to /var/log/cedana/KIND-PID-DATETIME.log;
// empty if there is none or it cannot be kept.
[[nodiscard]] std::string keep_log(const std::filesystem::path& log, const std::string& kind, pid_t pid);

} // namespace cedana
