// SPDX-License-Identifier: Apache-2.0
// Who has the ends that a tree lacks: the reader of a pipe that it writes to, the master of its terminal. That is a
// process outside, or nobody: a descriptor can be in flight (SCM_RIGHTS, unix(7)), in the queue of a socket, and then
// no process has it. CRIU dumps the queues of the tree's sockets with the descriptors in them.
#pragma once

#include "cedana/model/external_ends.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/procfs.hpp"

#include <cstdint>
#include <set>
#include <utility>

namespace cedana {

// Whether descriptors lie in the queues of the tree's sockets. Where there are none, an end that is held by somebody
// and not by the tree is held outside, also where that process cannot be seen from here (another pid namespace).
[[nodiscard]] bool has_descriptors_in_flight(const TreeHoldings& tree);

// By the inode of the pipe.
using PipeEnds = std::set<std::pair<std::uint64_t, PipeEnd>>;

// Those of the `wanted` ends that a process outside of the tree has. It may take a while: all processes of the host are
// looked at, unless all ends are found before.
[[nodiscard]] PipeEnds held_outside(const Procfs& procfs, const TreeHoldings& tree, const PipeEnds& wanted);

} // namespace cedana
