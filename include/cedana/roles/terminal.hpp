// SPDX-License-Identifier: Apache-2.0
// What a restored tree has at the far ends of its pipes and of its terminal must be held by somebody when `cedana
// client restore` has ended. That is the keeper: cedana itself under another role, in a session of its own, so that no
// key and no hangup of the terminal of the restore reaches it.
//
//   copier          copies from descriptor to descriptor until every one of them is at its end
//   terminal keeper also holds the master of a new pseudo-terminal, leads its session and runs CRIU on it, since only
//                   descendants get a session. It copies the terminal's output to a file, adopts what the tree leaves
//                   behind, and ends when nothing of the tree is left
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/unique_fd.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cedana::criu {

// The environment variable whose presence makes main() a keeper: its plan.
inline constexpr const char* k_keeper = "CEDANA_KEEPER";

// What main() does as one; the exit code. argv[1…]: CRIU's, for a terminal keeper.
[[nodiscard]] int run_keeper(char** argv);

// How long a copier or keeper takes at most to put all that has come out of the tree in its place.
inline constexpr std::chrono::milliseconds k_drain_limit{4000};

enum class Flow { out_of_tree, into_tree };

struct Copy {
    UniqueFd from;
    UniqueFd to;
    Flow flow = Flow::out_of_tree;
};

// Leaves a copier behind as a child of this process; none if there is nothing to copy. For every byte that is written
// to what this returns one comes back when all that had come out of the tree is in its place, or nobody takes it. At
// its end: the copier has ended. Throws Error.
[[nodiscard]] UniqueFd start_copier(std::vector<Copy> copies);

struct KeptCriu {
    ChildProcess keeper;
    // One byte with CRIU's exit code, then one with that of the tree's root, each as a shell tells it; the latter when
    // what the root wrote is in its place, or nobody takes it. At its end before that: the keeper has been killed.
    UniqueFd told;
};

// `criu`: as it would be spawned without a terminal. `output`: where the terminal's goes. `root_file`: where the pid of
// the keeper's child that stands for the tree is found once CRIU has ended well. `reserved`: numbers of terminals that
// the tree needs itself.
[[nodiscard]] KeptCriu start_on_new_terminal(SpawnRequest criu, UniqueFd output, std::vector<Copy> copies,
                                             const std::filesystem::path& root_file,
                                             const std::vector<unsigned>& reserved);

// What the environment variable holds: numbers of descriptors.
struct KeeperPlan {
    // Out of the tree, and into it.
    std::vector<std::pair<int, int>> copies = {};
    std::vector<std::pair<int, int>> feeds = {};
    // Of a copier; -1 otherwise.
    int asked = -1;
    // Of a terminal keeper; -1 otherwise.
    int master = -1;
    int output = -1;
    int told = -1;
    // Passed on to CRIU, and kept until the root is known (command.hpp); -1: none.
    int held = -1;
    std::string root_file = {};
    friend bool operator==(const KeeperPlan&, const KeeperPlan&) = default;
};
[[nodiscard]] std::string write_plan(const KeeperPlan& plan);
// Throws Error(Fault::internal).
[[nodiscard]] KeeperPlan read_plan(std::string_view text);

} // namespace cedana::criu
