// SPDX-License-Identifier: Apache-2.0
// Why CRIU cannot dump a tree, as far as it can be seen before the tree is frozen: each reason in one sentence, with
// what can be done about it. What CRIU decides by more than can be seen here is left to it (criu/diagnose.hpp).
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/process/holdings.hpp"
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
    // It is something that the program itself can close or end when it is asked to prepare for the dump.
    bool program_can_help = false;
    // CRIU can be taught to dump it by a plug-in of its own or by --external.
    bool plugin_can_help = false;
};

// "process 4242 (name)"
[[nodiscard]] std::string described(const ProcessStat& stat);

// The processes themselves: traced, with limits that may not be read, with a pending SIGTRAP, in the middle of a
// vfork that lasts. `self`: the pid of cedana, whose rights count. May take a second where it must look again.
[[nodiscard]] std::vector<Refusal> refused_processes(const Procfs& procfs, const ProcessTree& tree, pid_t self);

// Namespaces that CRIU could not make anew, and System V shared memory of the host's ipc namespace.
[[nodiscard]] std::vector<Refusal> refused_namespaces(const Procfs& procfs, const TreeHoldings& tree, pid_t self);

// Open files of a kind that CRIU does not know, and such that lie outside of the tree's mount namespaces. GPU devices
// are not among them: whether there is a plug-in for them is not known here.
[[nodiscard]] std::vector<Refusal> refused_files(const Procfs& procfs, const TreeHoldings& tree);

// Sockets of unknown protocols, corked ones, and unix connections that nobody has accepted yet and that hold data or
// are closed again. May take a second where it must look again.
[[nodiscard]] std::vector<Refusal> refused_sockets(const TreeHoldings& tree);

} // namespace cedana
