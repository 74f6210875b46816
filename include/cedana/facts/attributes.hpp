// SPDX-License-Identifier: Apache-2.0
// What the processes and threads of a tree are set to beside what CRIU keeps: read it, and put it back from outside.
#pragma once

#include "cedana/model/process_attributes.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/process/tree.hpp"

#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

// From the pid that a process has in its own pid namespace to the one that it has here.
using PidsHere = std::map<pid_t, pid_t>;
[[nodiscard]] PidsHere pids_here(const ProcessTree& tree);
// As it is called in its own pid namespace.
[[nodiscard]] pid_t innermost_pid(const TreeProcess& process);

// Of a tree that stands still. Processes that have ended are left out.
[[nodiscard]] std::vector<ProcessAttributes> read_attributes(const Procfs& procfs, const ProcessTree& tree);

// What a process would be set to that this one starts: of the calling thread, without what is locked.
[[nodiscard]] ProcessAttributes inherited_attributes(const Procfs& procfs);

// Whether a process comes back as `wanted` without put_attributes_back(): limits and scheduling CRIU restores itself,
// as far as this process may, and all else it inherits of who starts CRIU. `inherited`: inherited_attributes().
[[nodiscard]] bool comes_back_by_itself(const ProcessAttributes& wanted, const ProcessAttributes& inherited);

// Adds to them which terminals of the tree's own nobody else may open.
void add_exclusive_terminals(std::vector<ProcessAttributes>& attributes, const TreeHoldings& tree);

// Adds to them whose masters of pseudo terminals have been left by all who had the terminals open.
void add_hung_up_masters(std::vector<ProcessAttributes>& attributes, const TreeHoldings& tree);

// Adds to them the POSIX locks of each on files that others of the tree have open too.
void add_posix_locks(std::vector<ProcessAttributes>& attributes, const TreeHoldings& tree);

// Sets the processes of `tree` as they were; what is as it should be is not touched. Whom of `wanted` it does not have
// is left out. Returns what could not be put back, and why, as sentences.
[[nodiscard]] std::vector<std::string> put_attributes_back(const Procfs& procfs, const ProcessTree& tree,
                                                           const std::vector<ProcessAttributes>& wanted);

} // namespace cedana
