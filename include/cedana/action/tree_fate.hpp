// SPDX-License-Identifier: Apache-2.0
// What became of a tree after a dump, seen by pidfd.
#pragma once

#include "cedana/process/tree.hpp"

#include <chrono>

namespace cedana {

// Whether the tree's root still runs after `settle`; returns at once when it has ended. Its descendants do not count:
// short-lived ones end all the time.
[[nodiscard]] bool runs_on(const ProcessTree& tree, std::chrono::milliseconds settle);

// Waits until every process of a tree that CRIU has killed is gone, so that its pids are free for a restore as soon as
// their parents have reaped them.
void wait_for_end(const ProcessTree& tree);

} // namespace cedana
