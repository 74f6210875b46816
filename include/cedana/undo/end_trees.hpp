// SPDX-License-Identifier: Apache-2.0
// Ends processes with all that descends from them.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <map>

#include <sys/types.h>

namespace cedana {

// SIGKILL, and waits until they have ended, for some seconds. By pid, with the pidfd that tells whose pid it is. A
// child whose parent has ended before is not found.
void end_trees(const std::map<pid_t, UniqueFd>& roots);
// Of one.
void end_tree(pid_t root, UniqueFd pidfd);

} // namespace cedana
