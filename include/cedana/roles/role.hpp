// SPDX-License-Identifier: Apache-2.0
// What stands between cedana and CRIU, or has to go on when the command has ended, is cedana started anew in a role:
// `cedana --role NAME`. Every role is started and taken in this one way:
//
//   plan         What the role is to do, in a memfd (memfd_create(2)) at descriptor 3, which is sealed: nobody can
//                change it any more. As CBOR (RFC 8949), which unlike JSON holds every path. It names each descriptor
//                that the role is passed by its number. Nothing is in the environment or in the arguments.
//   taking it    The process is called cedana-NAME, ignores the signals that the role ignores, adopts orphans if the
//                role does, is in the folder /, and has no other descriptors than those that it was passed; /dev/null
//                as its standard ones, but for its log.
//
// A role runs what its plan says. So a plan counts only if a process of the same user has made it and all seals are
// set, and none is taken under sudo. By itself sudo closes every descriptor above 2, and a user who may have it keep
// them (sudoers(5), closefrom_override) still cannot make a memfd that is root's.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/unique_fd.hpp"

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace cedana::roles {

inline constexpr const char* k_role = "--role";
// The number of the plan's descriptor in a role.
inline constexpr int k_plan = 3;
// The exit code of a role that could not do its work.
inline constexpr int k_role_failed = 1;

// Passes the descriptor on to the role, with the others of `request`; its number there. It must stay open until the
// role is started. -1 for -1.
int pass(SpawnRequest& request, int fd);
inline int pass(SpawnRequest& request, const UniqueFd& fd) { return pass(request, fd.get()); }

// What starts a role.
struct RoleCommand {
    SpawnRequest request;
    // Among the descriptors of the request: it must be open until that was spawned.
    UniqueFd plan;
};

// `request`: without arguments; its descriptors are passed, 2 being the role's log, and {-1, number} one that whoever
// spawns the command adds to it. Without an environment it gets that of CRIU. Throws Error.
[[nodiscard]] RoleCommand role_command(const std::string& role, const nlohmann::json& plan, SpawnRequest request);
[[nodiscard]] ChildProcess start_role(const std::string& role, const nlohmann::json& plan, SpawnRequest request);

enum class Orphans { left, adopted };

struct Role {
    // Up to eight letters, for the name of its processes (prctl(2), PR_SET_NAME).
    const char* name;
    std::vector<int> ignored_signals;
    // adopted: it becomes the parent of all that descends from it and loses its own (PR_SET_CHILD_SUBREAPER, prctl(2)).
    Orphans orphans;
    // The exit code.
    int (*run)(const nlohmann::json& plan);
};

// A name by which others start this program, in their own way and so without a plan, in the place of another program:
// the one exception.
struct OtherName {
    const char* name;
    // As main().
    int (*run)(int argc, char** argv);
};

struct Roles {
    std::vector<Role> roles;
    std::vector<OtherName> other_names = {};
};

// Takes the role that the arguments of main() ask for, and plays it: its exit code; absent if they ask for none. Before
// anything else is done: no thread may run yet. Throws Error(Fault::usage) for a role that there is not, or whose plan
// does not count. What else goes wrong is told in the role's log, as CRIU tells its own errors.
[[nodiscard]] std::optional<int> run_role(int argc, char** argv, const Roles& roles);

// In a role whose log goes with the command: it is /dev/null from now on.
void close_log();

// How the processes of a role are called.
[[nodiscard]] std::string process_name(const std::string& role);

// Those of this room.
[[nodiscard]] std::vector<Role> own_roles();

} // namespace cedana::roles
