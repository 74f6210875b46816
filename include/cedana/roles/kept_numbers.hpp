// SPDX-License-Identifier: Apache-2.0
// Numbers of pseudo-terminals that are kept for a tree that needs them. sudo (use_pty) takes the lowest number that is
// free, which is just the one that an ended screen or tmux had, and holds it until the restore has ended: so no restore
// under sudo could give it back. The role `numbers` takes it as soon as sudo lets it go, and holds it for the next
// restore, whose sudo gets another.
#pragma once

#include "cedana/process/procfs.hpp"
#include "cedana/roles/role.hpp"

#include <chrono>
#include <set>
#include <vector>

#include <sys/types.h>

namespace cedana::roles {

inline constexpr std::chrono::minutes k_kept_for{10};

// Leaves the role behind as a child of this process. Throws Error.
void keep_numbers(const std::vector<unsigned>& numbers);

// Who has the role.
[[nodiscard]] std::set<pid_t> keepers_of_numbers(const Procfs& procfs);

// Ends those, and returns when the numbers that they held are free.
void free_kept_numbers(const Procfs& procfs);

[[nodiscard]] Role numbers();

} // namespace cedana::roles
