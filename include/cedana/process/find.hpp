// SPDX-License-Identifier: Apache-2.0
// From a name that a user typed to the one process that is meant. A wrong guess stops somebody's process, so
// in doubt nothing is found.
#pragma once

#include "cedana/process/identity.hpp"
#include "cedana/process/name_score.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// Below, a process is not meant.
inline constexpr double k_least_score = 0.6;
// By how much the best must beat the best of any other tree. An exact match needs no such lead over what is near; but
// it is in doubt beside another exact one, a parent of such, or one that has the name as words on its command line.
inline constexpr double k_least_lead = 0.1;

struct Candidate {
    ProcessId id;
    NameMatch match;
    std::string comm;
    // The arguments, joined by spaces.
    std::string command_line;
    // Descendants that it stands for.
    std::vector<pid_t> represents;
};

struct FindResult {
    std::string name;
    // The best first, by k_shown_score and above; equals by pid.
    std::vector<Candidate> candidates;
    // The first candidate, if it is clear that it is meant.
    std::optional<Candidate> winner;
    // What keeps the first from winning: candidates of other trees that come too close to it.
    std::vector<Candidate> rivals;
};

// Never candidates: `self` (cedana's pid) and its ancestors, other running cedana processes and what was told to
// start them, kernel threads, zombies, pid 1.
// An ancestor stands for a descendant that matches no better than it does; at the same score what a process is
// counts for more than words on its command line, so that a program is found and not the `sudo` or `tmux` it
// was started with. Equal children stand for their parent if all of them are of its process group, as a server's
// workers are and the jobs of an interactive shell are not; that parent is near, since it is not what was named.
// Throws Error(Fault::usage) if the name is empty.
[[nodiscard]] FindResult find_by_name(const Procfs& procfs, std::string_view name, pid_t self);

// What is to be done to the process: only looked at, or what nobody can take back.
enum class Purpose { look, end_or_signal };

// The winner, or an Error(Fault::no_process). To be ended or sent a signal it must fit exactly. The candidates are told
// by whoever asks.
[[nodiscard]] const Candidate& choose(const FindResult& result, Purpose purpose);

} // namespace cedana
