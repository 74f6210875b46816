// SPDX-License-Identifier: Apache-2.0
// Leases on files (fcntl(2), F_SETLEASE). Whoever opens such a file breaks the lease, without blocking (O_NONBLOCK)
// too: its holder gets a SIGIO, which ends most programs, and whoever waits for it may wait for lease-break-time. So a
// file that somebody holds a lease on is not opened by its name, only to be looked at.
#pragma once

#include <chrono>
#include <cstdint>
#include <future>
#include <optional>
#include <string_view>
#include <utility>
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

// The same, read by a thread from the moment on at which this is made. The kernel stops everybody who takes a lock
// while it writes the table, and first waits until none is half taken (fs/locks.c, locks_start(): percpu_down_write()):
// 10 to 20 ms on an idle host, in which something else can be done. Not for several threads.
class LeasesAhead {
  public:
    LeasesAhead();
    // For who opens the files for good in any case, as CRIU does at a restore: none, and nothing is waited for.
    [[nodiscard]] static LeasesAhead not_heeded() { return LeasesAhead(std::vector<Lease>()); }
    // Waits for them. Those that are older than a second are read anew.
    [[nodiscard]] const std::vector<Lease>& get() const;

  private:
    explicit LeasesAhead(std::vector<Lease> known) : leases_(std::move(known)) {}

    // Absent: they were given, and stay so.
    mutable std::optional<std::chrono::steady_clock::time_point> begun_;
    mutable std::future<std::vector<Lease>> read_;
    mutable std::optional<std::vector<Lease>> leases_;
};

// One that opening the file only to read it would break. By its inode alone: the device there is not always that of
// stat(2) (btrfs).
[[nodiscard]] std::optional<Lease> lease_broken_by_reading(const std::vector<Lease>& leases, const struct ::stat& file);

} // namespace cedana
