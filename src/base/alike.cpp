// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/alike.hpp"

#include <algorithm>
#include <cstddef>
#include <regex>
#include <string>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

namespace cedana {

namespace {

struct Kind {
    const Said* first = nullptr;
    std::size_t times = 0;
    // Each once, without that of the first.
    std::vector<std::string> others = {};
};

std::string text_of(const Kind& kind) {
    constexpr std::size_t k_most_named = 2;
    if (kind.times == 1)
        return kind.first->sentence;
    if (kind.others.empty())
        return fmt::format("{} ({} times)", kind.first->sentence, kind.times);
    const std::size_t named = std::min(kind.others.size(), k_most_named);
    const std::vector<std::string> names(kind.others.begin(), kind.others.begin() + static_cast<std::ptrdiff_t>(named));
    if (kind.others.size() > named)
        return fmt::format("{}; the same goes for {} and {} more", kind.first->sentence, fmt::join(names, ", "),
                           kind.others.size() - named);
    return fmt::format("{}; the same goes for {}", kind.first->sentence, fmt::join(names, " and "));
}

} // namespace

std::vector<std::string> said_once(const std::vector<Said>& all) {
    std::vector<Kind> kinds;
    for (const Said& one : all) {
        auto kind = std::ranges::find_if(kinds, [&](const Kind& known) { return known.first->kind == one.kind; });
        if (kind == kinds.end())
            kind = kinds.insert(kinds.end(), Kind{.first = &one});
        ++kind->times;
        if (one.object != kind->first->object && std::ranges::find(kind->others, one.object) == kind->others.end())
            kind->others.push_back(one.object);
    }
    std::vector<std::string> sentences;
    for (const Kind& kind : kinds)
        sentences.push_back(text_of(kind));
    return sentences;
}

std::vector<std::string> said_once_of_processes(const std::vector<std::string>& sentences) {
    static const std::regex process(R"(process \d+ \([^()]*\))");
    static const std::regex number(R"(\d+)");
    std::vector<Said> all;
    for (const std::string& sentence : sentences) {
        std::smatch named;
        std::regex_search(sentence, named, process);
        all.push_back({.sentence = sentence,
                       .object = named.str(),
                       .kind = std::regex_replace(std::regex_replace(sentence, process, "process"), number, "0")});
    }
    return said_once(all);
}

} // namespace cedana
