// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/candidates.hpp"

#include "cedana/base/text.hpp"
#include "cedana/model/caller.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

nlohmann::ordered_json to_json(const Candidate& candidate) {
    return {{"pid", candidate.id.pid},
            {"start_time", candidate.id.start_time},
            {"score", candidate.match.score},
            {"exact", candidate.match.fit != Fit::near},
            {"matched", candidate.match.text},
            {"comm", candidate.comm},
            {"command_line", candidate.command_line},
            {"represents", candidate.represents}};
}

} // namespace

Table candidates_table(const FindResult& found, Mark mark) {
    Table table({{.title = ""},
                 {.title = "PID", .align = Align::right},
                 {.title = "FIT"},
                 {.title = "MATCHED", .rank = 1},
                 {.title = "COMMAND", .elastic = true}});
    for (const Candidate& candidate : found.candidates) {
        const bool wins = mark == Mark::winner && found.winner && found.winner->id == candidate.id;
        table.add(
            {wins ? "*" : "", std::to_string(candidate.id.pid),
             candidate.match.fit == Fit::near ? fmt::format("{:.2f}", candidate.match.score) : std::string("exact"),
             printable(candidate.match.text),
             printable(candidate.command_line.empty() ? candidate.comm : candidate.command_line)});
    }
    return table;
}

nlohmann::ordered_json to_json(const FindResult& found) {
    auto candidates = nlohmann::ordered_json::array();
    for (const Candidate& candidate : found.candidates)
        candidates.push_back(to_json(candidate));
    return {{"name", found.name},
            {"winner", found.winner ? nlohmann::ordered_json(found.winner->id.pid) : nlohmann::ordered_json(nullptr)},
            {"candidates", candidates}};
}

std::string line_with_pid(const std::vector<std::string>& words, const std::string& name, pid_t pid) {
    std::string line = is_started_by_sudo() ? "sudo cedana" : "cedana";
    bool replaced = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const bool is_flag = words[i] == "-n" || words[i] == "--name";
        const bool is_name = (is_flag && i + 1 < words.size() && words[i + 1] == name) || words[i] == name ||
                             words[i] == "-n" + name || words[i] == "--name=" + name;
        if (replaced || !is_name) {
            line += " " + shell_word(words[i]);
            continue;
        }
        line += fmt::format(" -p {}", pid);
        i += is_flag ? 1 : 0;
        replaced = true;
    }
    return replaced ? line : line + fmt::format(" -p {}", pid);
}

} // namespace cedana
