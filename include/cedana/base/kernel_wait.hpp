// SPDX-License-Identifier: Apache-2.0
// What a thread waits for in the kernel, for whoever wonders why nothing moves.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct KernelWait {
    // As in proc(5): 'D' cannot be ended by any signal. 0: there is no such thread.
    char state = 0;
    // How often it has been put to sleep: the same again, it has not got on.
    std::string switches = {};
    // Of the kernel, by name ("fuse_request_wait_answer"); empty where it does not tell.
    std::string channel = {};
    // Of the call that it is in, by descriptor or by name; empty if that is none, or cannot be seen.
    std::string file = {};

    // Not for somebody who may come or not, but for the kernel or a file system.
    [[nodiscard]] bool is_for_storage() const noexcept { return state == 'D' || file.starts_with('/'); }
    // "waits in fuse_request_wait_answer for /mnt/a"
    [[nodiscard]] std::string text() const;
};

// Looks into /proc, and never waits.
[[nodiscard]] KernelWait kernel_wait(pid_t process, pid_t thread);

// What the block device below a file has read, written and flushed so far (Documentation/admin-guide/iostats.rst): the
// same again, it has finished nothing. Empty for a file system that has no one device (NFS, FUSE, Btrfs). `file`: as in
// KernelWait. Looks into /proc and /sys, and never waits.
[[nodiscard]] std::string disk_work(std::string_view file);
// Of the text of a device's stat in /sys. Pure.
[[nodiscard]] std::string finished_work(std::string_view stat);

[[nodiscard]] std::vector<pid_t> threads_of(pid_t process);

// "process 42 (criu) waits in … for …", of all threads of a process that wait for storage, separated by "; ".
[[nodiscard]] std::string hung_threads(pid_t process);

} // namespace cedana
