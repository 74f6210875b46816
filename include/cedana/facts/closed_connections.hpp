// SPDX-License-Identifier: Apache-2.0
// TCP connections that are over while their sockets are still open: both sides have closed, or one has reset it. The
// kernel lists them nowhere (they are unhashed), and CRIU takes them for connections all the same, since they still
// know their peer (criu/sk-inet.c, gen_uncon_sk and tcp_connection).
#pragma once

#include "cedana/process/procfs.hpp"
#include "cedana/process/sockets.hpp"

namespace cedana {

// Whether the tree has one. A socket that is in no list is looked at through a descriptor of its own (pidfd_getfd(2)).
[[nodiscard]] bool has_closed_connection(const Procfs& procfs, const TreeSockets& sockets);

} // namespace cedana
