// SPDX-License-Identifier: Apache-2.0
// A restore beside the original, which holds the pids: in a pid namespace of its own, where they are free. CRIU has no
// such mode; it must be started inside (as its own criu-ns script does). Two roles do so:
//
//   pidns   makes the namespace, starts init in it, looks at the tree from outside and ends as CRIU ended
//   init    pid 1 in there, with a /proc of its own; runs CRIU, then stays for as long as a process of the tree lives,
//           reaps what is left to it, and ends last, as the root ended. Without it the kernel would end the whole
//           namespace.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/roles/role.hpp"

#include <filesystem>
#include <set>
#include <string>

#include <sys/types.h>

namespace cedana::roles {

// own: that of pidns, which whoever spawns that gives it.
enum class Input { of_criu, own };

struct NewPidNamespace {
    // As it would be spawned outside.
    const SpawnRequest& criu;
    // Into which CRIU writes the root's pid.
    std::filesystem::path pid_file;
    // A descriptor that init holds until it knows the root (criu/command.hpp); -1: none.
    int held = -1;
    // Where the pids of the tree, as they are outside, are written once CRIU has ended well (tree_pids.hpp): the child
    // is init, which is left to the parent of pidns.
    const UniqueFd& tree_pids;
    // Where init writes a byte whenever the root was stopped, which its parent alone is told; -1: nowhere.
    int stops = -1;
    // Which CRIU gets.
    Input input = Input::of_criu;
    // As in CommandPlan.
    std::string root = {};
    // That the tree has in there: CRIU and what it starts get others.
    std::set<pid_t> numbers = {};
};

// What starts CRIU in a new pid namespace. Throws Error.
[[nodiscard]] RoleCommand in_new_pid_namespace(const NewPidNamespace& request);

[[nodiscard]] Role pidns();
[[nodiscard]] Role init();

} // namespace cedana::roles
