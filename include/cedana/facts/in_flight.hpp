// SPDX-License-Identifier: Apache-2.0
// Descriptors that were sent through a unix socket and not received yet (SCM_RIGHTS, unix(7)). No file of /proc shows
// them; a copy of the receiver's socket does, by a look that takes nothing out (MSG_PEEK, recv(2)).
#pragma once

#include "cedana/facts/refusal.hpp"
#include "cedana/facts/renamed_file.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/written_files.hpp"

#include <string>
#include <vector>

namespace cedana {

// first: what can be had without a change of the socket, as a rule the first message. all: of a tree that stands still;
// the offset at which the socket peeks (SO_PEEK_OFF) is another one for a moment.
enum class Messages { first, all };

struct InFlight {
    // Such that CRIU could never bring back: it finishes them at a number that it has closed by then, since nobody in
    // the tree has them open.
    std::vector<Refusal> refusals = {};
    // "the lock on the file /a/b that is on its way through a unix socket of process 4242 (name)"
    std::vector<std::string> losses = {};
    // Files that have lost the name by which they were opened and have another.
    std::vector<RenamedFile> renamed = {};
    // Files that are open for writing.
    WrittenFiles written = {};
};

// Looks at the sockets through which something is on its way, and at nothing else.
[[nodiscard]] InFlight find_in_flight(const TreeHoldings& tree, Messages messages);

} // namespace cedana
