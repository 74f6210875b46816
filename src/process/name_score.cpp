// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/name_score.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/process/command_words.hpp"

#include <algorithm>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

std::string with_spaces(std::string_view text) {
    std::string result(text);
    for (char& letter : result)
        if (letter == '-' || letter == '_')
            letter = ' ';
    return result;
}

std::string joined(std::span<const std::string> words) {
    std::string line;
    for (const std::string& word : words)
        line.append(line.empty() ? "" : " ").append(word);
    return line;
}

} // namespace

NameScore::NameScore(std::string_view name) {
    const std::vector<std::string> typed = {std::string(name)};
    const auto words = command_words(typed);
    name_ = with_spaces(joined(words));
    if (trim(name_).empty())
        throw Error(Fault::usage, fmt::format("'{}' is not the name of a process", printable(name)))
            .hint("give the name of a program, or a pid with -p");
    const std::vector<std::string> spaced = {name_};
    word_counts_ = {words.size(), command_words(spaced).size()};
    for (const char letter : name_)
        ++letters_[static_cast<unsigned char>(letter)];
}

double NameScore::bound(std::string_view text) const {
    auto left = letters_;
    std::size_t common = 0;
    for (const char letter : text) {
        auto& count = left[static_cast<unsigned char>(letter)];
        if (count == 0)
            continue;
        --count;
        ++common;
    }
    return static_cast<double>(common) / static_cast<double>(std::max(name_.size(), text.size()));
}

void NameScore::improve(NameMatch& best, MatchKind kind, std::string_view text) const {
    // A whole command line is mostly too long to be looked at any closer.
    const double longest = static_cast<double>(name_.size()) / k_shown_score;
    if (static_cast<double>(text.size()) > longest)
        return;
    const std::string plain = with_spaces(text);
    const double possible = bound(plain);
    if (possible <= best.score || possible < k_shown_score)
        return;
    const double score = similarity(name_, plain);
    if (score > best.score && score >= k_shown_score)
        best = {.score = score, .kind = kind, .text = std::string(text)};
}

NameMatch NameScore::of(std::string_view comm, std::string_view program, std::span<const std::string> arguments) const {
    NameMatch best;
    improve(best, MatchKind::comm, comm);
    improve(best, MatchKind::program, program);
    if (const auto script = script_name(arguments))
        improve(best, MatchKind::script, *script);
    const auto words = command_words(arguments);
    const std::string line = joined(words);
    improve(best, MatchKind::command_line, line);
    for (const std::size_t count : word_counts_)
        improve_by_runs(best, line, words, count);
    return best;
}

void NameScore::improve_by_runs(NameMatch& best, std::string_view line, std::span<const std::string> words,
                                std::size_t count) const {
    // A run is a part of the line: words are one space apart.
    std::size_t begin = 0;
    std::size_t end = 0;
    for (std::size_t next = 0; next < words.size(); ++next) {
        end += words[next].size() + (next > 0 ? 1 : 0);
        if (next + 1 < count)
            continue;
        improve(best, MatchKind::words, line.substr(begin, end - begin));
        begin += words[next + 1 - count].size() + 1;
    }
}

} // namespace cedana
