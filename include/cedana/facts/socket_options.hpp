// SPDX-License-Identifier: Apache-2.0
// Options and multicast groups of the sockets of a tree that CRIU does not keep: read them, and put them back from
// outside, through descriptors of the same sockets (pidfd_getfd(2)).
#pragma once

#include "cedana/model/socket_options.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/process/tree.hpp"

#include <string>
#include <vector>

namespace cedana {

// Each socket once, through the first descriptor of it; those that are as new are left out. What is on its way through
// another socket (SCM_RIGHTS) cannot be reached.
[[nodiscard]] std::vector<SocketOptions> read_socket_options(const Procfs& procfs, const TreeHoldings& tree);

// Sets the sockets of `tree` as they were; what is as it should be is not touched. Returns what could not be put back,
// and why, as sentences.
[[nodiscard]] std::vector<std::string> put_socket_options_back(const ProcessTree& tree,
                                                               const std::vector<SocketOptions>& wanted);

} // namespace cedana
