// SPDX-License-Identifier: Apache-2.0
// CRIU in namespaces of its own (pid, net, mount, ipc), for a tree that is restored to see whether it can be, and taken
// away before it runs. The role `trial`, which is there twice: outside it makes the pid namespace, and in there it is
// pid 1, makes the others and runs CRIU. With its pid 1 the kernel ends all of a pid namespace, CRIU and what that has
// stopped with it (pid_namespaces(7)), and nobody sees it ended before all others are (kernel/pid_namespace.c,
// zap_pid_ns_processes()). It ends when CRIU has ended, and when whoever tries has.
//
// In there: no network but the loopback device, where sockets may be bound to any address; terminals of its own; and a
// file that the tree would write to has another in its place.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/roles/role.hpp"

#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace cedana::roles {

struct TrialPlace {
    // The files cgroup.procs of the control groups that it is to be in.
    std::vector<std::filesystem::path> cgroups = {};
    // {what is there in the trial, path}
    std::vector<std::pair<std::string, std::string>> stand_ins = {};
    // CRIU gets a terminal as its standard input and that of its session.
    bool terminal = false;
    // Numbers of terminals that the tree needs itself.
    std::vector<unsigned> own_terminals = {};
    // That the tree has: CRIU gets another one.
    std::set<pid_t> numbers = {};
};

// `criu`: as it would be spawned outside. `held`: a descriptor that is held until nothing of the trial is left
// (criu/command.hpp). `alive`: the reading end of a pipe; at its end the trial ends. The child ends as CRIU ended, told
// as a shell tells it. Throws Error.
[[nodiscard]] ChildProcess start_trial(const SpawnRequest& criu, const TrialPlace& place, int held,
                                       const UniqueFd& alive);

[[nodiscard]] Role trial();

} // namespace cedana::roles
