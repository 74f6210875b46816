// SPDX-License-Identifier: Apache-2.0
// Which pids the kernel gives next. A tree comes back under its old pids (CRIU asks for them: clone3(2), set_tid), and
// whatever a restore itself starts before must not take one of them: in a new pid namespace, where numbers begin at 2,
// and after a reboot, it easily would.
#pragma once

#include <optional>
#include <set>

#include <sys/types.h>

namespace cedana {

// What a restore starts itself, hooks and their children too, in numbers.
inline constexpr pid_t k_own_numbers = 256;

// The last number before `count` ones in a row that are not among `used`: above all of these if there is room below
// `pid_max`, else as low as can be from 300 up, which the kernel goes back to when it has given the highest
// (kernel/pid.c, RESERVED_PIDS). Absent if there are none.
[[nodiscard]] std::optional<pid_t> last_before_free(const std::set<pid_t>& used, pid_t pid_max, pid_t count);

// One of `used` is among the `count` numbers after `last`.
[[nodiscard]] bool comes_soon(const std::set<pid_t>& used, pid_t last, pid_t count);

// In the pid namespace of this process (Documentation/admin-guide/sysctl/kernel.rst, ns_last_pid, pid_max). Throw
// Error(Fault::environment).
[[nodiscard]] pid_t read_last_pid();
[[nodiscard]] pid_t read_pid_max();
void write_last_pid(pid_t last);

// Has the kernel give numbers after those of `used` to what is started from now on, if one of these would come soon.
// Others in the namespace may take numbers at any time, so a number of `used` can be taken all the same. Throws Error.
void keep_numbers_clear(const std::set<pid_t>& used);

} // namespace cedana
