// SPDX-License-Identifier: Apache-2.0
// The tree of a child, and what it holds, as a dump looks at it.
#pragma once

#include "cedana/process/holdings.hpp"

#include <unistd.h>

#include "support/assertions.hpp"

namespace cedana::testing {

struct Look {
    Look(const Procfs& procfs, pid_t pid)
        : tree(read_tree(procfs, ProcessHandle::open(procfs, pid), ::getpid())), holdings(holdings_of(procfs, tree)) {}

    ProcessTree tree;
    TreeHoldings holdings;
};

} // namespace cedana::testing
