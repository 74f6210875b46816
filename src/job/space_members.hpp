// SPDX-License-Identifier: Apache-2.0
// The processes of a space that has the pids of its host. No pid namespace ends them with its first process, so they
// are known by a mount that they alone see: whatever descends from them sees it too, whoever their parent is by then.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana::job {

// What is mounted in such a space is called so; no other one has this name.
[[nodiscard]] std::string new_space_mark();

// A signal for all that see that mount, those that they start meanwhile too, but for this process.
void signal_members(const std::string& mark, int number);

// But for this process.
[[nodiscard]] std::vector<pid_t> pids_of_members(const std::string& mark);

// Ends them, and returns when they have ended; a process that hangs in the kernel is waited for.
void end_members(const std::string& mark);

} // namespace cedana::job
