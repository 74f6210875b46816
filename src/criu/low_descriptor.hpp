// SPDX-License-Identifier: Apache-2.0
// Lets CRIU dump trees with many TCP connections. For each of them it has libnftables hold back the packets, while the
// tree stands still, and it has a descriptor of each open by then, and of up to 768 files of a process. libnftables
// waits for the kernel by select(2) (nftables, src/mnl.c), which takes no descriptor above 1,023: the C library aborts
// CRIU, and the tree goes on with sockets on which each read fails (TCP_REPAIR). With a low descriptor for libnftables
// there is no such limit.
#pragma once

#include "cedana/base/unique_fd.hpp"

namespace cedana::criu {

// For LD_PRELOAD. Invalid where this host allows no programs in memory.
[[nodiscard]] UniqueFd low_descriptor_library();

} // namespace cedana::criu
