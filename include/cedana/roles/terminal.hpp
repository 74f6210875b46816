// SPDX-License-Identifier: Apache-2.0
// A tree that had a terminal gets a new one, which must be held by somebody when `cedana client restore` has ended: the
// role `terminal`. It holds the master, leads the terminal's session and runs CRIU on it, since only descendants get a
// session. It copies the terminal's output to a file or to the terminal of others, and what a copier would; it adopts
// what the tree leaves behind, and ends when nothing of the tree is left. It is a guard too (guard.hpp).
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/roles/copier.hpp"

#include <filesystem>
#include <vector>

namespace cedana::roles {

struct TerminalRequest {
    // CRIU as it would be spawned without a terminal, or the role that runs it in a pid namespace.
    SpawnRequest criu;
    // CRIU's log, and the file into which it writes the root's pid.
    std::filesystem::path log;
    std::filesystem::path pid_file;
    // Where such a role writes the pids of the tree (tree_pids.hpp).
    UniqueFd tree = {};
    // Held until the root is known (criu/command.hpp); -1: none.
    int held = -1;
    // Where the terminal's output goes.
    UniqueFd output = {};
    // It is a terminal itself. When that is hung up, what still comes is dropped.
    bool output_is_terminal = false;
    std::vector<Copy> copies = {};
    // Numbers of terminals that the tree needs itself.
    std::vector<unsigned> reserved = {};
    // CRIU's root, as in CommandPlan; empty for a role that runs CRIU, whose plan says it.
    std::string root = {};
};

struct KeptCriu {
    ChildProcess terminal;
    // One byte with CRIU's exit code and, if CRIU ended well, the pids of the tree, none of which is a child of this
    // process; then one byte with the exit code of the tree's root, when what the root wrote is in its place, or nobody
    // takes it. Codes are as a shell tells them. At its end before that: the terminal's process has been killed.
    UniqueFd outcome;
};

// Throws Error.
[[nodiscard]] KeptCriu start_on_new_terminal(TerminalRequest request);

// The master of a new terminal that has none of these numbers. Throws Error.
[[nodiscard]] UniqueFd open_master_beside(const std::vector<unsigned>& reserved);

// That of the new terminal with this number; invalid if another one has it. Throws Error.
[[nodiscard]] UniqueFd open_master_of(unsigned number);

[[nodiscard]] Role terminal();

} // namespace cedana::roles
