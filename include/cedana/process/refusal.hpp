// SPDX-License-Identifier: Apache-2.0
// Why CRIU cannot dump a tree, as far as the processes themselves show it; what they have open is in facts.hpp.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/process/tree.hpp"

#include <string>
#include <vector>

namespace cedana {

struct Refusal {
    pid_t pid = 0;
    Fault fault = Fault::dump_failed;
    // "process 4242 (name) has an io_uring instance open, which CRIU cannot dump"
    std::string sentence;
    std::string hint;
};

// "process 4242 (name)"
[[nodiscard]] std::string described(const ProcessStat& stat);

// Traced processes, and such whose limits may not be read. `self`: the pid of cedana, whose rights count.
[[nodiscard]] std::vector<Refusal> refused_processes(const Procfs& procfs, const ProcessTree& tree, pid_t self);

} // namespace cedana
