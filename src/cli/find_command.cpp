// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/failure.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/process/find.hpp"
#include "cedana/process/procfs.hpp"

#include <memory>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Candidate& candidate) {
    return {{"pid", candidate.id.pid},
            {"start_time", candidate.id.start_time},
            {"score", candidate.match.score},
            {"matched", candidate.match.text},
            {"comm", candidate.comm},
            {"command_line", candidate.command_line},
            {"represents", candidate.represents}};
}

Json to_json(const std::string& name, const FindResult& found) {
    Json candidates = Json::array();
    for (const Candidate& candidate : found.candidates)
        candidates.push_back(to_json(candidate));
    return {{"name", name},
            {"winner", found.winner ? Json(found.winner->id.pid) : Json(nullptr)},
            {"candidates", candidates}};
}

void run(const std::string& name, const CommonArguments& common) {
    const FindResult found = find_by_name(Procfs(), name, ::getpid());
    if (common.format == Format::text && !found.candidates.empty()) {
        Table table({{.title = ""},
                     {.title = "PID", .align = Align::right},
                     {.title = "SCORE"},
                     {.title = "MATCHED", .rank = 1},
                     {.title = "COMMAND", .elastic = true}});
        for (const Candidate& candidate : found.candidates) {
            const bool wins = found.winner && found.winner->id == candidate.id;
            table.add({wins ? "*" : "", std::to_string(candidate.id.pid), fmt::format("{:.2f}", candidate.match.score),
                       printable(candidate.match.text),
                       printable(candidate.command_line.empty() ? candidate.comm : candidate.command_line)});
        }
        print_table(table);
    }
    // What a dump by this name would say, so that a script can go by the exit code.
    try {
        static_cast<void>(choose(found));
    } catch (const Error& error) {
        throw FailedWithResult{error, to_json(name, found)};
    }
    if (common.format == Format::json)
        print_json(to_json(name, found));
}

} // namespace

Command find_command() {
    const auto name = std::make_shared<std::string>();
    return {.name = "find",
            .summary = "show what a name resolves to; dumps nothing",
            .options = {{.names = {"NAME"},
                         .meaning = "a program, a script or part of a command line",
                         .target = name.get(),
                         .required = true,
                         .complete = Complete::names}},
            .examples = {"sudo cedana client find 'jupyter notebook'"},
            .run = [name](const CommonArguments& common, const Interrupt&) { run(*name, common); }};
}

} // namespace cedana
