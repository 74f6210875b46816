// SPDX-License-Identifier: Apache-2.0
// CRIU puts the TCP sockets of a tree into repair mode (tcp(7), TCP_REPAIR) while it copies them. When it is killed
// amid that they stay so, and the program's send and recv fail with EPERM from then on.
#pragma once

#include "cedana/process/identity.hpp"

#include <cstddef>

namespace cedana {

// Ends the repair mode of every TCP socket that the process has open, reached by pidfd_getfd(2); how many were in it.
// A process that has ended meanwhile has none.
[[nodiscard]] std::size_t end_tcp_repair(const Procfs& procfs, const ProcessHandle& process);

} // namespace cedana
