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

// Without what does not count in an exact match.
std::string folded(std::string_view text) {
    std::string result;
    for (const char letter : text)
        if (letter != ' ' && letter != '-' && letter != '_')
            result += letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    return result;
}

std::string_view without_suffix(std::string_view script) {
    constexpr std::array<std::string_view, 15> k_suffixes = {".py",   ".pyc", ".pyw", ".pyz", ".sh",
                                                             ".bash", ".js",  ".mjs", ".cjs", ".ts",
                                                             ".pl",   ".rb",  ".php", ".lua", ".jar"};
    const std::size_t dot = script.rfind('.');
    if (dot == std::string_view::npos || dot == 0)
        return script;
    const std::string suffix = folded(script.substr(dot));
    return std::ranges::count(k_suffixes, suffix) == 0 ? script : script.substr(0, dot);
}

bool ends_path(std::string_view path, std::string_view end) {
    return path == end || (path.ends_with(end) && path[path.size() - end.size() - 1] == '/');
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
    folded_ = folded(name_);
    for (std::string_view word : split(name, ' ')) {
        while (word.starts_with("./"))
            word.remove_prefix(2);
        if (word.find('/') != std::string_view::npos)
            paths_.emplace_back(word);
    }
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

NameMatch NameScore::of(std::string_view comm, std::string_view executable,
                        std::span<const std::string> arguments) const {
    const std::string_view program = base_name(executable);
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
    if (has_paths(executable, arguments))
        improve_exactly(best, comm, program, arguments);
    return best;
}

bool NameScore::has_paths(std::string_view executable, std::span<const std::string> arguments) const {
    return std::ranges::all_of(paths_, [&](const std::string& path) {
        return ends_path(executable, path) || std::ranges::any_of(arguments, [&](const std::string& argument) {
                   const auto words = split(argument, ' ');
                   return std::ranges::any_of(words, [&](const std::string& word) { return ends_path(word, path); });
               });
    });
}

void NameScore::improve_exactly(NameMatch& best, MatchKind kind, std::string_view text) const {
    const Fit fit = with_spaces(text) == name_ ? Fit::same : folded(text) == folded_ ? Fit::exact : Fit::near;
    if (fit > best.fit)
        best = {.score = 1, .fit = fit, .kind = kind, .text = std::string(text)};
}

void NameScore::improve_by_first_words(NameMatch& best, std::span<const std::string> words) const {
    std::string line;
    std::string letters;
    for (std::size_t count = 1; count <= words.size(); ++count) {
        const std::string& word = words[count - 1];
        letters += folded(word);
        if (!folded_.starts_with(letters))
            return;
        line += (line.empty() ? "" : " ") + word;
        if (letters == folded_)
            improve_exactly(best, count == words.size() ? MatchKind::command_line : MatchKind::words, line);
    }
}

void NameScore::improve_exactly(NameMatch& best, std::string_view comm, std::string_view program,
                                std::span<const std::string> arguments) const {
    improve_exactly(best, MatchKind::comm, comm);
    improve_exactly(best, MatchKind::program, program);
    auto words = command_words(arguments);
    improve_by_first_words(best, words);
    const auto at = script_place(arguments);
    if (!at)
        return;
    const std::string_view script = base_name(arguments[*at]);
    improve_exactly(best, MatchKind::script, script);
    if (best.fit == Fit::near && folded(without_suffix(script)) == folded_)
        best = {.score = 1, .fit = Fit::exact, .kind = MatchKind::script, .text = std::string(script)};
    words = command_words(arguments.subspan(*at));
    improve_by_first_words(best, words);
    // "python3 train.py", with options of the interpreter between the two.
    words.insert(words.begin(), std::string(base_name(arguments.front())));
    improve_by_first_words(best, words);
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
