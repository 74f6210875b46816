// SPDX-License-Identifier: Apache-2.0
// The plans of the roles of this room. Whole numbers are those of descriptors in the role, -1 for none.
#pragma once

#include "cedana/base/child_process.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <sys/types.h>

namespace cedana::roles {

// A command that a role runs: CRIU, or another role that runs it.
struct CommandPlan {
    std::vector<std::string> argv = {};
    // From the numbers in the role to those in the command.
    std::vector<std::pair<int, int>> fds = {};
    std::string cwd = {};
    // As of SpawnRequest.
    std::vector<int> enter = {};
    // The folder that is the root of a mount namespace of its own (own_root.hpp); empty: it has none.
    std::string root = {};
    friend bool operator==(const CommandPlan&, const CommandPlan&) = default;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(CommandPlan, argv, fds, cwd, enter, root)
};

// Passes on to the role what the command is to have, its environment too.
[[nodiscard]] CommandPlan pass_command(SpawnRequest& role, const SpawnRequest& command, std::string root = {});
// In the role: as pass_command() got it, but for the environment, which is the role's.
[[nodiscard]] SpawnRequest passed_command(const CommandPlan& plan);
// In the role, once the command has them: who reads from the tree must see its end.
void close_passed(const CommandPlan& plan);
// In the role: starts the command, whose descriptors are its alone from then on.
[[nodiscard]] ChildProcess start_passed(const CommandPlan& plan);

// In a role that starts another one: what CRIU's script is told in the environment reaches it.
void pass_environment(SpawnRequest& role);
// In the role that is pid 1 where CRIU runs: keeps the program of its action script, if it has one, where it is looked
// for (criu/command.hpp, k_kept_action_program), until the role ends.
void keep_action_program(const CommandPlan& criu);

// The descriptor that will have this number; -1: none.
[[nodiscard]] int fd_at(const SpawnRequest& request, int number);

struct CopierPlan {
    // {from, to}: out of the tree, and into it.
    std::vector<std::pair<int, int>> copies = {};
    std::vector<std::pair<int, int>> feeds = {};
    int asked = -1;
    // It goes on without whoever could ask, and breaks the pipe of what nobody takes any more.
    bool lasting = true;
    friend bool operator==(const CopierPlan&, const CopierPlan&) = default;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(CopierPlan, copies, feeds, asked, lasting)
};

struct GuardPlan {
    CommandPlan criu = {};
    std::string log = {};
    // Until nothing of a failed restore is left.
    int held = -1;
    // What SIGTSTP stops goes on.
    bool continues = false;
    friend bool operator==(const GuardPlan&, const GuardPlan&) = default;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(GuardPlan, criu, log, held, continues)
};

struct TerminalPlan {
    CommandPlan criu = {};
    std::string log = {};
    // Until the root is known.
    int held = -1;
    std::vector<std::pair<int, int>> copies = {};
    std::vector<std::pair<int, int>> feeds = {};
    int master = -1;
    int output = -1;
    bool output_is_terminal = false;
    int outcome = -1;
    // The role reads the pids of the tree here; -1: the root's is in the file, and stands for the tree.
    int tree = -1;
    std::string pid_file = {};
    friend bool operator==(const TerminalPlan&, const TerminalPlan&) = default;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(TerminalPlan, criu, log, held, copies, feeds, master, output, output_is_terminal,
                                   outcome, tree, pid_file)
};

struct NamespacePlan {
    CommandPlan criu = {};
    int held = -1;
    // The role writes the pids of the tree here.
    int outcome = -1;
    // As in InitPlan.
    int stops = -1;
    std::string pid_file = {};
    std::set<pid_t> numbers = {};
    friend bool operator==(const NamespacePlan&, const NamespacePlan&) = default;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(NamespacePlan, criu, held, outcome, stops, pid_file, numbers)
};

struct InitPlan {
    CommandPlan criu = {};
    // Until the root is known.
    int held = -1;
    // Init writes here how CRIU ended, and the pid that the root has inside.
    int outcome = -1;
    // At its end once the tree was read from outside.
    int seen = -1;
    // Init writes a byte here whenever the root was stopped; -1: nobody follows that.
    int stops = -1;
    std::string pid_file = {};
    // The tree's own, which nothing else in there may take.
    std::set<pid_t> numbers = {};
    friend bool operator==(const InitPlan&, const InitPlan&) = default;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(InitPlan, criu, held, outcome, seen, stops, pid_file, numbers)
};

struct NumbersPlan {
    std::vector<unsigned> numbers = {};
    friend bool operator==(const NumbersPlan&, const NumbersPlan&) = default;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(NumbersPlan, numbers)
};

struct TrialPlan {
    // It is pid 1 of its pid namespace.
    bool inside = false;
    CommandPlan criu = {};
    int held = -1;
    // At its end the trial ends.
    int alive = -1;
    // Of the one outside.
    std::vector<std::string> cgroups = {};
    std::vector<std::pair<std::string, std::string>> stand_ins = {};
    bool terminal = false;
    std::vector<unsigned> own_terminals = {};
    // As in InitPlan.
    std::set<pid_t> numbers = {};
    friend bool operator==(const TrialPlan&, const TrialPlan&) = default;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(TrialPlan, inside, criu, held, alive, cgroups, stand_ins, terminal, own_terminals,
                                   numbers)
};

} // namespace cedana::roles
