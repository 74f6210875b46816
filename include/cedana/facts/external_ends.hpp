// SPDX-License-Identifier: Apache-2.0
// Finds the pipes and terminals of a tree whose other side is outside of it.
#pragma once

#include "cedana/facts/refusal.hpp"
#include "cedana/model/external_ends.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/tree.hpp"

#include <string>
#include <vector>

namespace cedana {

// Not those that have hung up. Their descriptors are also those that were opened as /dev/tty.
[[nodiscard]] std::vector<ExternalTerminal> external_terminals(const TreeHoldings& tree);

// Null if it has none open.
[[nodiscard]] const OpenFile* find_dev_tty(const Holdings& one);

// Whether it has the terminal of a session whose leader is not in the tree, and opened that as /dev/tty. CRIU dumps it
// as an external terminal, since nobody in the tree need be found who has the same one (criu/tty.c, tty_verify_ctty).
[[nodiscard]] bool has_outer_dev_tty(const TreeHoldings& tree, const Holdings& one);

// "tty[500:6]", as --external has the /dev/tty of those; empty where there is none.
[[nodiscard]] std::string outer_dev_tty(const TreeHoldings& tree);

// The N of /dev/pts/N of those whose master is in the tree.
[[nodiscard]] std::vector<unsigned> own_terminals(const TreeHoldings& tree);

// CRIU brings one terminal of others back, and no more (criu/tty.c, "Only one slave external peer is allowed").
[[nodiscard]] std::vector<Refusal> refused_terminals(const TreeHoldings& tree,
                                                     const std::vector<ExternalTerminal>& terminals);

// A pipe that nobody has the other end of any more is none: CRIU brings it back as it is, and so it does with one whose
// other end is in flight inside of the tree. It may take a while where descriptors are in flight in the tree: then all
// processes of the host are looked at.
[[nodiscard]] std::vector<ExternalPipe> external_pipes(const Procfs& procfs, const TreeHoldings& tree);

// The same of a tree that is frozen now, for which no other process is looked at: `before` is what was found before. A
// pipe that is not among those is none while descriptors are in flight.
[[nodiscard]] std::vector<ExternalPipe> external_pipes_of_frozen(const TreeHoldings& tree,
                                                                 const std::vector<ExternalPipe>& before);

// "the pipe that process 42 (sh) writes to (descriptor 1) leads out of the tree: a restore leads it to its own standard
// output, if that suits": of each pipe, in one line where they say the same. What a restore does with them is in
// roles/far_ends.hpp.
[[nodiscard]] std::vector<std::string> sentences_of(const ProcessTree& tree, const std::vector<ExternalPipe>& pipes);

} // namespace cedana
