// SPDX-License-Identifier: Apache-2.0
// What CRIU writes into its images, or does with what is in them, so that a program would come back changed or not at
// all: each mend takes an image and gives the one that CRIU is to read in its place, or nothing where there is nothing
// to mend. The checkpoint stays as it was written. All are pure, and throw Error(Fault::checkpoint) for what is no such
// image. Who applies them: mended_images.
#pragma once

#include "cedana/criu/pagemap.hpp"
#include "cedana/criu/tree_images.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana::criu {

enum class Mend {
    // The tree's root asked for a signal at the end of its parent, which would be that of CRIU.
    parent_death_signal,
    // A call that the dump broke off is begun anew.
    interrupted_call,
    // A timer that had run out and not been looked at goes on, or one that was not set stays so.
    timer,
    // Memory that cannot be written to and holds nothing needs no promise of memory behind it.
    empty_mapping,
    // Pages that are put in place beside CRIU (huge_pages.hpp).
    huge_pages,
    // A mapping longer than CRIU can count, or than the kernel grants in one call, comes in parts.
    long_mapping,
    // What is to be locked as it is touched is not filled.
    lock_on_fault,
    // Limits that are put back afterwards do not stand in CRIU's own way.
    raised_limit,
    // The path of a process's folder in /proc has nothing behind it.
    process_folder,
    // A /dev/tty that was dumped without its name has that again.
    dev_tty,
    // A terminal whose foreground process group has ended is that of its session's leader.
    foreground_group,
    // The tree lived in a time namespace of its own, and comes back in CRIU's.
    time_namespace,
    // Control groups that cedana makes for CRIU are none of the tree's.
    group_of_cedana,
    // Locks that CRIU has dropped are there again.
    posix_lock,
};

// "a call that was broken off"
[[nodiscard]] std::string_view name_of(Mend mend);

using MendedImage = std::optional<std::string>;

// By process: what is locked page by page, as each is touched (mlock2(2)), by address.
using LocksOnFault = std::map<pid_t, std::vector<AddressRange>>;

// Of filelocks.img, which may be empty: CRIU writes none where it knows of no lock.

// Adds those of `wanted`, all of them of fcntl(2), that it lacks.
[[nodiscard]] MendedImage with_posix_locks(std::string_view locks, const std::vector<DumpedLock>& wanted);

// Of core-TID.img.

[[nodiscard]] MendedImage without_parent_death_signal(std::string_view core);
// Bit N-1: signal N waits for the process, whichever of its threads takes it; of the first thread's image.
[[nodiscard]] std::uint64_t signals_of_process(std::string_view core);
// `of_process`: what signals_of_process() says. Nothing while a signal waits that the thread does not block: then the
// call ends with EINTR as it would have without a dump. Of x86-64 programs alone.
[[nodiscard]] MendedImage with_call_begun_anew(std::string_view core, std::uint64_t of_process);
[[nodiscard]] MendedImage with_interval_timer_set(std::string_view core);
// Of a process's first thread: no limit on signals that wait and on the size of files; somebody must put them back.
[[nodiscard]] MendedImage with_limits_raised(std::string_view core);
// Whether a restore needs that, because of this thread: it limits the size of files, or has signals that wait or timers
// of timer_create(2), which count among these.
[[nodiscard]] bool needs_limits_raised(std::string_view core);

// Of cgroup.img: CRIU writes down all groups below those of the tree (criu/cgroup.c, add_cgroup), and makes them anew.
[[nodiscard]] MendedImage without_groups_of_cedana(std::string_view cgroups);

// Of files.img.
[[nodiscard]] MendedImage with_timers_set(std::string_view files);
[[nodiscard]] MendedImage with_process_folders_named(std::string_view files);
// `terminals`: tty-info.img of the same tree. A /dev/tty that was dumped as an external terminal gets the file by which
// CRIU opens it anew.
[[nodiscard]] MendedImage with_dev_tty_named(std::string_view files, std::string_view terminals);

// Of mm-PID.img.

// `pages`: those of the same process.
[[nodiscard]] MendedImage with_empty_mappings_left_alone(std::string_view mm, const Pagemap& pages);
// `granted`: what the kernel gives to one call, in bytes.
[[nodiscard]] MendedImage with_long_mappings_in_parts(std::string_view mm, std::uint64_t granted);

// `ranges`: those of the same process.
[[nodiscard]] MendedImage with_locks_on_fault(std::string_view mm, const Pagemap& pages,
                                              const std::vector<AddressRange>& ranges);

// Of pstree.img.
struct TreeThreads {
    pid_t root = 0;
    // By thread: its process.
    std::map<pid_t, pid_t> process_of = {};
    // Those that somebody is in.
    std::set<pid_t> groups = {};
};
[[nodiscard]] TreeThreads parse_tree_threads(std::string_view pstree);

// Of inventory.img.

// `ids`: ids-PID.img of the tree's root, whose time namespace is said to be CRIU's, in which CRIU then leaves the tree
// (criu/pstree.c, get_clone_mask).
[[nodiscard]] MendedImage with_time_namespace_of(std::string_view inventory, std::string_view ids);

// Of tty-info.img.
[[nodiscard]] MendedImage with_living_foreground_groups(std::string_view terminals, const TreeThreads& tree);
// What with_dev_tty_named() has named is opened as soon as a process comes to it: it is that of a session that begins
// outside of the tree, and needs nobody in it.
[[nodiscard]] MendedImage with_dev_tty_at_once(std::string_view terminals, const TreeThreads& tree);

} // namespace cedana::criu
