// SPDX-License-Identifier: Apache-2.0
// The locks on files that are held on this host (/proc/locks, proc(5)), and who has a file open. But for
// is_locked_unseen() no file is opened for that: to open one can break a lease.
#pragma once

#include "cedana/base/file_id.hpp"
#include "cedana/process/procfs.hpp"

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana {

inline constexpr std::uint64_t k_end_of_file = std::numeric_limits<std::uint64_t>::max();

enum class HeldLockKind { posix, flock, ofd, lease };

struct HeldLock {
    HeldLockKind kind = HeldLockKind::posix;
    bool is_exclusive = false;
    // Not known of an OFD lock, which belongs to an open file: -1; 0 of a process that cannot be seen from here.
    pid_t pid = 0;
    FileId file = {};
    // From the first to the last byte.
    std::uint64_t first = 0;
    std::uint64_t last = k_end_of_file;
};

// Those that are held, not those that are waited for. `table`: of /proc/locks.
[[nodiscard]] std::vector<HeldLock> parse_locks(std::string_view table);
// Without a pid and a file, as a checkpoint's facts have it: "FLOCK ADVISORY WRITE 0 EOF". Absent for any other text.
[[nodiscard]] std::optional<HeldLock> parse_held_lock(std::string_view text);
// Of this host. Throws Error where they cannot be read.
[[nodiscard]] std::vector<HeldLock> held_locks();

// Whether somebody keeps the lock whom /proc/locks does not show: another host that has the same file system, or a
// process of another pid namespace (fs/locks.c, locks_show). The file is opened for that, and a lock of flock(2), which
// nothing tells of, is taken for a moment where there may be such holders.
[[nodiscard]] bool is_locked_unseen(const std::filesystem::path& path, const HeldLock& wanted);

struct FileHolder {
    pid_t pid = 0;
    // Through one of its descriptors.
    bool writes = false;
    std::vector<HeldLock> locks = {};
};

// Who has the file open. It may take a while: all descriptors of the host are looked at.
[[nodiscard]] std::vector<FileHolder> holders_of_file(const Procfs& procfs, const FileId& file);

} // namespace cedana
