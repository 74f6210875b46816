// SPDX-License-Identifier: Apache-2.0
// How well a process matches a name that a user typed. Pure.
//
// The score is 1 - levenshtein / longer length, the best over: the comm, the base name of the program, that of
// the script behind an interpreter, the command line with folders stripped from every word, and runs of these
// words as long as the name. '-', '_' and a space count as the same character.
#pragma once

#include <array>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace cedana {

// Below, a process is not even worth showing.
inline constexpr double k_shown_score = 0.4;

// words: a run of words out of the command line. All others are what the process is.
enum class MatchKind { comm, program, script, command_line, words };

struct NameMatch {
    // 0 if it would be less than k_shown_score.
    double score = 0;
    // What the score is of.
    MatchKind kind = MatchKind::comm;
    // The text that matched.
    std::string text;
};

class NameScore {
  public:
    // Throws Error(Fault::usage) if nothing is left of the name without its folders.
    explicit NameScore(std::string_view name);

    // `program`: the base name of the executable.
    [[nodiscard]] NameMatch of(std::string_view comm, std::string_view program,
                               std::span<const std::string> arguments) const;

  private:
    // No score can be higher: letters that are not common must be edited.
    [[nodiscard]] double bound(std::string_view text) const;
    void improve(NameMatch& best, MatchKind kind, std::string_view text) const;
    // With every run of `count` words of `line`.
    void improve_by_runs(NameMatch& best, std::string_view line, std::span<const std::string> words,
                         std::size_t count) const;

    std::string name_;
    std::array<unsigned short, 256> letters_{};
    // How many words a run has: as typed, and with '-' and '_' taken for spaces.
    std::set<std::size_t> word_counts_;
};

} // namespace cedana
