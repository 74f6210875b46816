// SPDX-License-Identifier: Apache-2.0
// What a tree needs of the host where it comes back, beside the files of its manifest: names that nobody else may have
// (ports, sockets' paths, locks, pids), files that must be the same, memory of certain kinds. All of it is read from
// CRIU's own images, so it is known of every checkpoint, however old.
#pragma once

#include "cedana/checkpoint/reader.hpp"
#include "cedana/criu/file_table.hpp"
#include "cedana/criu/tree_images.hpp"
#include "cedana/model/manifest.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct NeededLock {
    // As it was called at the dump.
    std::string path;
    criu::DumpedLock lock;
};

struct NeededDescriptor {
    pid_t pid = 0;
    int fd = -1;
};

// What CRIU has open at once to restore a process, beside its own.
struct NeededOpenFiles {
    pid_t pid = 0;
    std::uint64_t descriptors = 0;
    // One for each mapping of shared memory without a name, and for each row of mappings of one file (criu/mem.c,
    // open_vmas).
    std::uint64_t mappings = 0;
    [[nodiscard]] std::uint64_t both() const noexcept { return descriptors + mappings; }
};

struct NeededMemory {
    // The size of a page (0: the host's usual one) → bytes, at least: of memory that processes share since a fork
    // nothing is counted twice.
    std::map<std::uint64_t, std::uint64_t> huge = {};
    // Private and writable, of all processes: what the kernel counts where it never promises more than there is
    // (Documentation/mm/overcommit-accounting.rst).
    std::uint64_t committed = 0;
    // The largest mapping of these that is not MAP_NORESERVE.
    std::uint64_t largest = 0;
    // What is charged to the control group of the tree at the least: its pages but those of huge ones, of memory that
    // processes share since a fork only what no parent has at the same address, and what is locked.
    std::uint64_t charged = 0;
    // Of this, what is in no image: a restore fills locked memory (mlock(2)).
    std::uint64_t locked = 0;
};

struct RestoreNeeds {
    // The root's own, which comes back with it: what is in there is not this host's.
    bool own_network = false;
    bool own_mounts = false;
    // Where it comes back among the mounts of its unit: "/proc/42/root"; empty: among those of this process.
    std::string mounts_of_unit = {};
    // What its clocks showed; absent where that was not dumped.
    std::optional<criu::DumpedClocks> clocks = std::nullopt;
    // The unit that it belonged to, and the folders that it had there for itself, where it does not come back into it.
    std::string unit = {};
    std::set<std::string> folders_of_unit = {};
    // Folders that are made for it beforehand, where they are missing.
    std::set<std::string> made_folders = {};
    std::vector<criu::DumpedInet> inet = {};
    std::vector<criu::DumpedUnix> unix_ones = {};
    std::vector<NeededLock> locks = {};
    // Without those that had no name any more.
    std::vector<criu::DumpedFile> files = {};
    // Names that CRIU gave to files that had lost theirs.
    std::vector<std::string> links = {};
    // Of the tree's processes and threads.
    std::vector<criu::DumpedProcess> tree = {};
    // The one with the highest number.
    NeededDescriptor highest = {};
    // The process with the most.
    NeededOpenFiles open_files = {};
    NeededMemory memory = {};
    // It had the keys of a terminal of others, and took each as it came: it paints its screen (an editor, a pager), or
    // edits a line (an interpreter).
    bool had_single_keys = false;
    // The process group of it that had the keys of a terminal of others; 0: none had.
    pid_t foreground_group = 0;
};

// Throws Error(Fault::checkpoint) for images that are damaged, or are not as they are known here. What has no images is
// not known, and missing.
[[nodiscard]] RestoreNeeds read_restore_needs(const Checkpoint& checkpoint);

// Locks of fcntl(2) that the manifest tells, of which CRIU's images may lack some (ProcessAttributes).
[[nodiscard]] std::vector<criu::DumpedLock> posix_locks(const Manifest& manifest);

// Whether it has connections in it, which CRIU restores only if it is told to (--tcp-established).
[[nodiscard]] bool has_connections(const RestoreNeeds& needs);

// The numbers of groups and sessions whose leaders had ended: CRIU starts a process of that pid for a moment to make
// each of them anew (criu/pstree.c, prepare_pstree_ids). `shell_job`: what is the root's is whoever's who restores it.
[[nodiscard]] std::vector<pid_t> pids_of_ended_leaders(const std::vector<criu::DumpedProcess>& tree, bool shell_job);

// All numbers that it brings back: of processes and threads, groups and sessions.
[[nodiscard]] std::set<pid_t> numbers_of(const std::vector<criu::DumpedProcess>& tree);

} // namespace cedana
