// SPDX-License-Identifier: Apache-2.0
// Leases on files (fcntl(2), F_SETLEASE). Whoever opens such a file breaks the lease, without blocking (O_NONBLOCK)
// too: its holder gets a SIGIO, which ends most programs, and whoever waits for it may wait for lease-break-time. So a
// file that somebody holds a lease on is not opened by its name, only to be looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>

namespace cedana {

struct Lease {
    // 0: a process that cannot be seen from here.
    pid_t holder = 0;
    std::uint64_t inode = 0;
    // Broken by every open(2); else only by one for writing, or by truncate(2).
    bool for_writing = false;
};

// Those in the text of /proc/locks, and delegations, which a file server of the kernel has.
[[nodiscard]] std::vector<Lease> parse_leases(std::string_view locks);
// All that can be seen.
[[nodiscard]] std::vector<Lease> read_leases();

// One that opening the file only to read it would break. By its inode alone: the device there is not always that of
// stat(2) (btrfs).
[[nodiscard]] std::optional<Lease> lease_broken_by_reading(const std::vector<Lease>& leases, const struct ::stat& file);

} // namespace cedana
