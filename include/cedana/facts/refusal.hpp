// SPDX-License-Identifier: Apache-2.0
// Why CRIU cannot dump a tree, as far as it can be seen before the tree is frozen: each reason in one sentence, with
// what can be done about it. What CRIU decides by more than can be seen here is left to it (criu/diagnose.hpp).
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/inet_sockets.hpp"
#include "cedana/process/systemd_unit.hpp"
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
    // An argument with which CRIU passes over it: "--skip-in-flight", with any value; empty if there is none.
    std::string passed_with = {};
    // It does not hold for a tree whose terminal comes from outside at its restore too, as the console of a container
    // does (criu/console.hpp).
    bool console_helps = false;
};

// Of a tree whose terminal comes from outside at its restore.
void drop_helped_by_console(std::vector<Refusal>& refusals);

// The processes themselves: traced, with limits that may not be read, with a pending SIGTRAP, without their first
// thread, in the middle of a vfork that lasts. `self`: the pid of cedana, whose rights count. May take a second where
// it must look again.
[[nodiscard]] std::vector<Refusal> refused_processes(const Procfs& procfs, const ProcessTree& tree, pid_t self);

// Whether a thread of it waits for a child that it made by vfork.
[[nodiscard]] bool waits_inside_vfork(const Procfs& procfs, const TreeProcess& process);

// Processes that have in common what CRIU takes for a process's own (clone(2) with CLONE_VM, CLONE_FS, CLONE_SIGHAND,
// or CLONE_FILES beside the parent). May take a second where it must look again.
[[nodiscard]] std::vector<Refusal> refused_sharing(const Procfs& procfs, const ProcessTree& tree);

// Processes in a session whose leader is not above them, where CRIU could not give it to them.
[[nodiscard]] std::vector<Refusal> refused_sessions(const ProcessTree& tree);

// Namespaces that CRIU could not make anew, and what it takes from a namespace of the tree's own alone: System V shared
// memory, tunnels. `criu`: those in which CRIU will work; `unit`: that of the root.
[[nodiscard]] std::vector<Refusal> refused_namespaces(const Procfs& procfs, const TreeHoldings& tree,
                                                      const Namespaces& criu, const SystemdUnit& unit);

// Open files of a kind that CRIU does not know, namespaces that nobody in the tree lives in, and files that CRIU would
// not find by their names: outside of the tree's mount namespaces, or below another mount; or could not open again,
// since nobody may write to them any more. GPU devices are not among them: whether there is a plug-in for them is not
// known here.
[[nodiscard]] std::vector<Refusal> refused_files(const Procfs& procfs, const TreeHoldings& tree);

// Files whose path is longer than CRIU reads.
[[nodiscard]] std::vector<Refusal> refused_paths(const Procfs& procfs, const TreeHoldings& tree);

// How a program switches io_uring off, as far as it is known.
[[nodiscard]] std::string io_uring_hint(const TreeProcess& process);

// Memory that CRIU cannot dump or could never bring back: secret, sealed and mapped shared, a program that was started
// from memory, more addresses than CRIU can reserve.
[[nodiscard]] std::vector<Refusal> refused_memory(const Procfs& procfs, const TreeHoldings& tree);

// Limits of a process (setrlimit(2)) that leave CRIU no room in it, a descriptor above what CRIU can restore, and
// scheduling that it does not know. `self`: the pid of cedana, whose limits and rights CRIU has.
[[nodiscard]] std::vector<Refusal> refused_limits(const Procfs& procfs, const TreeHoldings& tree, pid_t self);

// Sockets with a filter that is hidden, with a path that is too long or another one by now, and with an urgent byte.
// May take seconds where it must look again.
[[nodiscard]] std::vector<Refusal> refused_socket_states(const TreeHoldings& tree);

// Files that tell a thread alone, by a signal, when something can be read.
[[nodiscard]] std::vector<Refusal> refused_owners(const TreeHoldings& tree);

// More pipes than CRIU can count, and those in packet mode.
[[nodiscard]] std::vector<Refusal> refused_pipes(const Procfs& procfs, const TreeHoldings& tree);

// What names a process or a thread that CRIU could not find again: files of /proc, pidfds.
[[nodiscard]] std::vector<Refusal> refused_process_files(const Procfs& procfs, const ProcessTree& tree,
                                                         const TreeHoldings& holdings);

// external: CRIU is told of the /dev/tty of outer sessions (external_ends.hpp).
enum class OuterDevTty { external, as_any };

// A /dev/tty of whose terminal CRIU could not find out whose it is, and pseudo terminals with a number that CRIU does
// not know. May take a second where it must look again.
[[nodiscard]] std::vector<Refusal> refused_terminal_files(const Procfs& procfs, const TreeHoldings& tree,
                                                          OuterDevTty outer);

// Watches of inotify and fanotify on files of which CRIU can find no path.
[[nodiscard]] std::vector<Refusal> refused_watches(const Procfs& procfs, const TreeHoldings& tree);

// Epoll instances that wait for what the process has closed itself.
[[nodiscard]] std::vector<Refusal> refused_epolls(const TreeHoldings& tree);

// Locks on files for which somebody outside of the tree waits. May take a second where it must look again.
[[nodiscard]] std::vector<Refusal> refused_locks(const Procfs& procfs, const TreeHoldings& tree);

// Sockets of unknown protocols, corked ones, those of netlink that hold data or have no address, and connections that
// nobody has accepted yet: by TCP any, by unix sockets such that hold data or are closed again. May take seconds where
// it must look again.
[[nodiscard]] std::vector<Refusal> refused_sockets(const Procfs& procfs, const TreeHoldings& tree,
                                                   const InetSockets& inet);

} // namespace cedana
