// SPDX-License-Identifier: Apache-2.0
// How well a process matches a name that a user typed. Pure.
//
// The score is 1 - levenshtein / longer length, the best over: the comm, the base name of the program, that of
// the script behind an interpreter, the command line with folders stripped from every word, and runs of these
// words as long as the name. '-', '_' and a space count as the same character.
//
// A score is for people who mistype. What may be done to a process that nobody can take back goes by the fit: exact is
// what the process is called, whatever the case and without '-', '_' and spaces. That is its comm, its program, its
// script with or without the suffix, or the words of its command line in order, from the program or the script on.
#pragma once

#include <array>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// Below, a process is not even worth showing.
inline constexpr double k_shown_score = 0.5;

// words: a run of words out of the command line. All others are what the process is.
enum class MatchKind { comm, program, script, command_line, words };

// same: letter for letter, but for '-', '_' and spaces.
enum class Fit { near, exact, same };

struct NameMatch {
    // 0 if it would be less than k_shown_score; 1 of what is exact.
    double score = 0;
    Fit fit = Fit::near;
    // What the score is of.
    MatchKind kind = MatchKind::comm;
    // The text that matched.
    std::string text;
};

class NameScore {
  public:
    // Throws Error(Fault::usage) if nothing is left of the name without its folders.
    explicit NameScore(std::string_view name);

    // `executable`: its path. Of a name with folders only what lies in them is exact.
    [[nodiscard]] NameMatch of(std::string_view comm, std::string_view executable,
                               std::span<const std::string> arguments) const;

  private:
    // No score can be higher: letters that are not common must be edited.
    [[nodiscard]] double bound(std::string_view text) const;
    void improve(NameMatch& best, MatchKind kind, std::string_view text) const;
    // With every run of `count` words of `line`.
    void improve_by_runs(NameMatch& best, std::string_view line, std::span<const std::string> words,
                         std::size_t count) const;

    // Whether each word of the name that has folders is the end of such a path of the process.
    [[nodiscard]] bool has_paths(std::string_view executable, std::span<const std::string> arguments) const;
    // If `text` is the name.
    void improve_exactly(NameMatch& best, MatchKind kind, std::string_view text) const;
    // If the first of the words are.
    void improve_by_first_words(NameMatch& best, std::span<const std::string> words) const;
    void improve_exactly(NameMatch& best, std::string_view comm, std::string_view program,
                         std::span<const std::string> arguments) const;

    std::string name_;
    // Without case, '-', '_' and spaces.
    std::string folded_;
    // Words of the name with folders.
    std::vector<std::string> paths_;
    std::array<unsigned short, 256> letters_{};
    // How many words a run has: as typed, and with '-' and '_' taken for spaces.
    std::set<std::size_t> word_counts_;
};

} // namespace cedana
