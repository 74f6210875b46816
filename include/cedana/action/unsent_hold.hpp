// SPDX-License-Identifier: Apache-2.0
// Holds back the packets of connections with data that was not sent yet, until all sockets of the tree are there.
#pragma once

#include "cedana/action/restore_steps.hpp"
#include "cedana/undo/connection_hold.hpp"

#include <optional>

namespace cedana {

// Of a tree that comes back in the network of this process; in a network of its own CRIU brings back the rules that
// hold them back. Nothing where there are none, where the kernel has no such tables, and where the images cannot be
// read, which CRIU will tell.
void hold_unsent(const RestoreDraft& draft, std::optional<ConnectionHold>& hold);

} // namespace cedana
