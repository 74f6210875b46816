// SPDX-License-Identifier: Apache-2.0
// A process and its descendants: what a checkpoint holds. Reading does not touch them, so a tree that forks
// all the time is only known as it was at the last look; CRIU, which freezes it, has the last word.
#pragma once

#include "cedana/process/identity.hpp"
#include "cedana/process/procfs.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cedana {

// Of a tree that several threads look at.
inline constexpr std::size_t k_least_processes_each = 4;

struct TreeProcess {
    ProcessHandle handle;
    // pid, parent, comm, session, process group, terminal, state, memory
    ProcessStat stat = {};
    ProcessStatus status = {};
    // Empty for a zombie.
    std::filesystem::path executable = {};
    std::vector<std::string> command_line = {};
    // All thread ids, the pid among them.
    std::vector<pid_t> threads = {};

    [[nodiscard]] pid_t pid() const noexcept { return handle.pid(); }
};

struct ProcessTree {
    // The root first, every parent before its children.
    std::vector<TreeProcess> processes;

    [[nodiscard]] const TreeProcess& root() const { return processes.front(); }
    [[nodiscard]] bool contains(pid_t pid) const noexcept;
    [[nodiscard]] std::uint64_t resident_bytes() const noexcept;
    [[nodiscard]] std::vector<ProcessId> ids() const;
};

// Reads the tree of `root`, again until two looks agree (or, for one that forks without pause, a few times).
// `self`: the pid of cedana.
// Throws Error if the root is none that can be dumped: pid 1, cedana or an ancestor of it, a kernel thread
// (Fault::usage), a zombie or a process that has ended (Fault::no_process), one whose first thread has ended while
// others run (Fault::dump_failed), one that root may not look into (Fault::permission).
[[nodiscard]] ProcessTree read_tree(const Procfs& procfs, ProcessHandle root, pid_t self);

// The same of a tree that is frozen, once and for good: however many processes the host has, only those of the tree are
// looked at (unless the kernel was built without CONFIG_PROC_CHILDREN). Throws Error (Fault::no_process) if the root
// has ended.
[[nodiscard]] ProcessTree read_frozen_tree(const Procfs& procfs, ProcessHandle root);

// What a checkpoint of the tree is named after: the base name of the root's program (of the link beside it through
// which it was started, if there is one), for a script that of its interpreter; not made safe for a file name.
[[nodiscard]] std::string process_name(const ProcessTree& tree);

// Of a process whose first thread has ended while others run.
[[nodiscard]] std::string lost_leader_text(const ProcessStat& stat);
inline constexpr const char* k_lost_leader_hint =
    "let the main thread wait for the others (pthread_join) in place of pthread_exit";

} // namespace cedana
