// SPDX-License-Identifier: Apache-2.0
// Who was in a tree, which descriptors and terminals it had and which locks it held, from CRIU's pstree.img,
// core-TID.img, ids-PID.img, inventory.img, fdinfo-N.img, tty-info.img and filelocks.img (images/pstree.proto,
// core.proto, inventory.proto, fdinfo.proto, tty.proto, file-lock.proto).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana::criu {

struct DumpedProcess {
    pid_t pid = 0;
    pid_t parent = 0;
    pid_t group = 0;
    pid_t session = 0;
    std::vector<pid_t> threads = {};
};

// CRIU's own numbers: two that have the same share what it stands for.
struct KernelIds {
    // The N of fdinfo-N.img.
    std::uint64_t files = 0;
    std::uint64_t network = 0;
    std::uint64_t mounts = 0;
    std::uint64_t time = 0;
};

// What its clocks showed while it stood still (CLOCK_MONOTONIC, CLOCK_BOOTTIME).
struct DumpedClocks {
    std::chrono::nanoseconds monotonic{};
    std::chrono::nanoseconds boottime{};
};

enum class LockKind { posix, flock, ofd, lease };

struct DumpedLock {
    LockKind kind = LockKind::posix;
    // Else it is shared with other readers.
    bool is_exclusive = false;
    pid_t pid = 0;
    int fd = -1;
    // Of POSIX and OFD locks; a length of 0 reaches to the end of every file.
    std::uint64_t start = 0;
    std::uint64_t length = 0;

    bool operator==(const DumpedLock&) const = default;
};

// One side of a terminal.
struct DumpedTerminal {
    // The N of /dev/pts/N; absent for a console and the like.
    std::optional<std::uint64_t> number = std::nullopt;
    // As the tree saw it: 0 if it is not the terminal of one of its sessions.
    pid_t foreground_group = 0;
    // It gave every key at once, and not lines (termios(3), ICANON): to a program that paints its screen or edits
    // lines.
    bool gives_single_keys = false;
};

// Each throws Error(Fault::checkpoint) for what is no such image.

// The root first.
[[nodiscard]] std::vector<DumpedProcess> parse_tree(std::string_view image);
// Of core-TID.img: the machine that it ran on, as uname(2) calls it; empty for one that is not known here.
[[nodiscard]] std::string parse_machine(std::string_view image);
// Of ids-PID.img.
[[nodiscard]] KernelIds parse_ids(std::string_view image);
// Of inventory.img: CRIU's own, so what is the same was the host's.
[[nodiscard]] KernelIds parse_host_ids(std::string_view image);
// Of timens-N.img: N is that of the tree's time namespace, or 0 where that was CRIU's.
[[nodiscard]] DumpedClocks parse_clocks(std::string_view image);
// Of fdinfo-N.img: the number in files.img by that of the descriptor.
[[nodiscard]] std::map<int, std::uint64_t> parse_descriptors(std::string_view image);
[[nodiscard]] std::vector<DumpedTerminal> parse_terminals(std::string_view image);
// Those of a kind that is known.
[[nodiscard]] std::vector<DumpedLock> parse_file_locks(std::string_view image);

} // namespace cedana::criu
