// SPDX-License-Identifier: Apache-2.0
// One run of `criu restore` in the roles that it needs: guarded; on a new terminal; in a pid namespace; with somebody
// who copies what leads outside of the tree.
#pragma once

#include "cedana/criu/restore.hpp"
#include "cedana/model/outside_file.hpp"
#include "cedana/roles/copier.hpp"
#include "cedana/roles/guard.hpp"

#include <set>
#include <vector>

#include <sys/types.h>

namespace cedana::roles {

// ours: CRIU gets our standard input, which is a terminal, and our session. fresh: a new one (terminal.hpp).
enum class Terminal { none, ours, fresh };

// in_new_namespace: beside whoever has the pids here (pid_namespace.hpp).
enum class Pids { same, in_new_namespace };

struct RestoreRoles {
    Terminal terminal = Terminal::none;
    // Numbers that CRIU needs for the tree's own terminals, so that a fresh one must not take them.
    std::vector<unsigned> own_terminals = {};
    Pids pids = Pids::same;
    // An empty folder that is the root of CRIU's mount namespace (own_root.hpp), for a tree with one of its own; empty:
    // CRIU has that of this process.
    std::string root = {};
    // That the tree has in a pid namespace of its own.
    std::set<pid_t> numbers = {};
    // Of CRIU on our terminal (guard.hpp).
    KeyStops stops = KeyStops::left;
};

// What takes the place of what led outside.
struct Ends {
    std::vector<criu::TreeEnd> of_tree = {};
    // What is to be copied for as long as it lasts.
    std::vector<Copy> copies = {};
    // Where the output of a fresh terminal goes: into a file, or to a terminal of others, which may end before the
    // tree.
    UniqueFd terminal_output = {};
    bool output_is_terminal = false;
};

// CRIU opens them anew by what it is given, with the flags that they had (criu/files-reg.c, open_path), so that these
// are mere places (O_PATH). Throws Error(Fault::environment) with the first that is not there.
[[nodiscard]] std::vector<criu::TreeEnd> open_outside_files(const std::vector<OutsideFile>& files);

struct RestoreReport {
    ExitStatus status = ExitStatus::exited(0);
    // The root of the tree as it is seen from here; 0 unless status is a success.
    pid_t pid = 0;
    // The child of this process that ends as the root ends; 0 if it is the terminal's.
    pid_t child = 0;
    // If the terminal has it: one byte with its exit code.
    UniqueFd outcome = {};
    // In a pid namespace on our terminal: one byte whenever the root was stopped.
    UniqueFd stops = {};
    // To ask the copier, if start_copier() has left one (copier.hpp).
    UniqueFd copier = {};
    std::uint64_t bytes = 0;
    std::set<criu::Mend> mends = {};
    // As of criu::RestoreReport.
    bool stood = false;
};

// Has the contract of criu::restore(). The tree and the copier own what is left of `ends` then.
[[nodiscard]] RestoreReport restore(const criu::RestoreJob& job, const RestoreRoles& roles, Ends ends,
                                    ImageSource& source, const Interrupt& interrupt);

} // namespace cedana::roles
