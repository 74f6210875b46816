// SPDX-License-Identifier: Apache-2.0
// Names that a tree must have for itself and that somebody else has by now: ports, sockets' paths and abstract names,
// locks on files, numbers of pseudo-terminals. CRIU finds out late, takes a path away from a living server
// (criu/sk-unix.c, unlink_sk), and waits for a lock without end (criu/file-lock.c, restore_file_lock).
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/checkpoint/restore_needs.hpp"
#include "cedana/process/procfs.hpp"

#include <chrono>
#include <set>
#include <vector>

#include <sys/types.h>

namespace cedana {

// Each returns one Error for each name, with its holder. `leaving`: processes that must end before the tree can come
// back, and need not be told of. What could not be looked at is told in a warning.

// Ports that are taken, addresses and interfaces that this host lacks, connections that exist already. The kernel is
// asked by binding a socket as CRIU would, and closing it. What free_ports() has the kernel forget is not told of.
[[nodiscard]] std::vector<Error> taken_ports(const Procfs& procfs, const RestoreNeeds& needs,
                                             const std::set<pid_t>& leaving);

// Connections that have ended keep their port from a program that does not set SO_REUSEADDR, as those of a server that
// was killed do for a minute. The kernel forgets those that stand in the way of nothing but the tree's own ports; for
// others, and where it cannot, this waits up to `limit`. Throws Error(Fault::interrupted), and
// Error(Fault::restore_failed) that names one that is still there then.
void free_ports(const Procfs& procfs, const RestoreNeeds& needs, std::chrono::seconds limit,
                const Interrupt& interrupt);

// Paths and abstract names of unix sockets that another process has, and folders that are gone.
[[nodiscard]] std::vector<Error> taken_sockets(const Procfs& procfs, const RestoreNeeds& needs,
                                               const std::set<pid_t>& leaving);

// Locks and leases that another process has, or keeps from being taken.
[[nodiscard]] std::vector<Error> taken_locks(const Procfs& procfs, const RestoreNeeds& needs,
                                             const std::set<pid_t>& leaving);

// The hint where a terminal that ends with this command has the number: roles/kept_numbers.hpp.
inline constexpr const char* k_restore_twice =
    "restore it twice: the first restore keeps that number free, once it has ended, for the second";

// Numbers of pseudo-terminals whose masters the tree had itself (criu/tty.c, pty_open_ptmx_index).
[[nodiscard]] std::vector<Error> taken_terminals(const Procfs& procfs, const RestoreNeeds& needs,
                                                 const std::vector<unsigned>& terminals,
                                                 const std::set<pid_t>& leaving);

} // namespace cedana
