// SPDX-License-Identifier: Apache-2.0
// What a process has open and mapped, from /proc/PID/fd, fdinfo, maps and map_files. Looking does not open
// the files themselves: opening a device or a fifo has effects.
#pragma once

#include "cedana/process/procfs.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

namespace cedana {

// The descriptor by which it was added may lead to something else by now.
struct EpollTarget {
    int fd = -1;
    std::uint64_t inode = 0;
    // Of epoll_ctl(2).
    unsigned events = 0;

    // One that was told once and is not to be told again before it is asked for (EPOLLONESHOT).
    [[nodiscard]] bool is_used_up() const noexcept;
};

struct OpenFile {
    int fd = -1;
    // As the kernel spells it, " (deleted)" included.
    std::string target;
    // Absent where the link leads to nothing that can be looked at.
    std::optional<struct ::stat> info = std::nullopt;
    // The flags of open(2).
    unsigned flags = 0;
    std::uint64_t position = 0;
    // The locks of any kind that are held through it: "FLOCK ADVISORY WRITE 0 EOF".
    std::vector<std::string> locks = {};
    // How many things an inotify or epoll instance waits for.
    std::uint64_t watches = 0;
    // For a unix socket, how many descriptors are on their way through it (SCM_RIGHTS) and not received yet.
    std::uint64_t in_flight = 0;
    // For the master of a pseudo terminal N, the N of /dev/pts/N.
    std::optional<unsigned> master_of = std::nullopt;
    // The mount that it lies on, as in /proc/PID/mountinfo.
    std::optional<int> mount = std::nullopt;
    // For a pidfd, whom it names; -1 if that one has been reaped, 0 if it is in no pid namespace that is seen here.
    std::optional<pid_t> names_process = std::nullopt;
    // For a BPF map, its type.
    std::optional<unsigned> map_type = std::nullopt;
    // For a timerfd, its clock (clock_gettime(2)).
    std::optional<int> clock = std::nullopt;
    // For an epoll instance, what it waits for.
    std::vector<EpollTarget> epoll_targets = {};

    [[nodiscard]] bool readable() const noexcept;
    [[nodiscard]] bool writable() const noexcept;
    // A place in the file system, and not open for anything (O_PATH).
    [[nodiscard]] bool is_place() const noexcept;
};

struct MappedFile {
    // As the kernel spells it, " (deleted)" included.
    std::string target;
    // Only of those whose name is gone, or that are written to.
    std::optional<struct ::stat> info;
    // Through a shared mapping that is writable now.
    bool written = false;
    // Of memory that has a descriptor (memfd_create(2)), mapped shared and not writable: where, as in map_files.
    std::string read_shared = {};
};

struct Mappings {
    // Files and devices that are mapped, each once.
    std::vector<MappedFile> files = {};
    // Of all private mappings, with or without a file, whether their memory is there or not.
    std::uint64_t private_bytes = 0;
    // The files that CRIU has open at once to map all of it at a restore (criu/mem.c, open_vmas): one for each mapping
    // of shared memory without a name, and for each row of mappings of one file.
    std::uint64_t opened_to_map = 0;
    // The kernel has put code of a probe into it (uprobes), now or at any time before.
    bool probed = false;
};

[[nodiscard]] std::vector<OpenFile> open_files(const Procfs& procfs, pid_t pid);
[[nodiscard]] Mappings mappings_of(const Procfs& procfs, pid_t pid);
[[nodiscard]] std::vector<MappedFile> mapped_files(const Procfs& procfs, pid_t pid);

// The inode in "pipe:[17]" or "socket:[17]"; absent if `target` is not of that kind.
[[nodiscard]] std::optional<std::uint64_t> inode_of(std::string_view target, std::string_view kind);

} // namespace cedana
