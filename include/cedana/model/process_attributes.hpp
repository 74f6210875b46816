// SPDX-License-Identifier: Apache-2.0
// What a process and its threads are set to that CRIU leaves out of its images, or puts back only where it may
// (docs/limits.md): read while the tree stands still, put back before it runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

// Threads that are set alike.
struct ThreadAttributes {
    // As they are called in their own pid namespace.
    std::vector<pid_t> threads = {};
    // "0-3,8"; empty: every CPU that it may have.
    std::string cpus = {};
    // Of ioprio_get(2).
    int io_priority = 0;
    // In nanoseconds (PR_SET_TIMERSLACK).
    std::uint64_t timer_slack = 0;
    // Of sched_getattr(2).
    std::uint64_t sched_policy = 0;
    std::uint64_t sched_flags = 0;
    int nice = 0;
    std::uint64_t sched_priority = 0;
    // Of a fair thread its slice in nanoseconds.
    std::uint64_t sched_runtime = 0;
    std::uint64_t util_min = 0;
    std::uint64_t util_max = 0;

    bool operator==(const ThreadAttributes&) const = default;
};

struct MemoryRange {
    std::uint64_t start = 0;
    std::uint64_t end = 0;

    bool operator==(const MemoryRange&) const = default;
};

// As fcntl(2) has it with F_SETLK.
struct PosixLock {
    int fd = -1;
    bool exclusive = false;
    std::uint64_t start = 0;
    // 0: to the end of every file.
    std::uint64_t length = 0;

    bool operator==(const PosixLock&) const = default;
};

struct ProcessAttributes {
    // As it is called in its own pid namespace.
    pid_t pid = 0;
    // Of /proc/PID/coredump_filter; absent where the kernel writes no core dumps.
    std::optional<std::uint64_t> coredump_filter = std::nullopt;
    int oom_score_adj = 0;
    // Of the leader of a session (sched(7)).
    std::optional<int> autogroup_nice = std::nullopt;
    // Of personality(2).
    std::uint64_t personality = 0;
    // Two for each resource in the kernel's order (getrlimit(2)): soft, hard; all ones: no limit.
    std::vector<std::uint64_t> limits = {};
    std::vector<ThreadAttributes> threads = {};
    // What is locked page by page, as each is touched (MLOCK_ONFAULT of mlock2(2)), by address.
    std::vector<MemoryRange> locked_on_fault = {};
    // Descriptors of terminals of the tree's own that nobody else may open (TIOCEXCL of ioctl_tty(2)).
    std::vector<int> exclusive_terminals = {};
    // Descriptors of masters whose terminals everybody has closed.
    std::vector<int> hung_up_masters = {};
    // On files that another process of the tree has open too: CRIU drops those on an open file that it has met before
    // (criu/files.c, do_dump_gen_file).
    std::vector<PosixLock> posix_locks = {};

    bool operator==(const ProcessAttributes&) const = default;
};

} // namespace cedana
