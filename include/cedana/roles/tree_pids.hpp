// SPDX-License-Identifier: Apache-2.0
// The pids of a tree that is back, as a role tells them to whoever started it. Through a pipe: a file system may be
// full, and nothing that only says how a tree is doing may be what ends it.
#pragma once

#include <sys/types.h>

namespace cedana::roles {

struct TreePids {
    pid_t root = 0;
    // The process that ends as the root ends.
    pid_t child = 0;
};

// Does nothing if nobody reads.
void write_pids(int pipe, const TreePids& pids);
// Throws Error(Fault::restore_failed) if nobody tells.
[[nodiscard]] TreePids read_pids(int pipe);

} // namespace cedana::roles
