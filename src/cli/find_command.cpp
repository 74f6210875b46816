// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/cli/candidates.hpp"
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

void run(const std::string& name, const CommonArguments& common) {
    const FindResult found = find_by_name(Procfs(), name, ::getpid());
    if (common.format == Format::text && !found.candidates.empty())
        print_table(candidates_table(found, Mark::winner));
    // What a dump by this name would say, so that a script can go by the exit code.
    try {
        static_cast<void>(choose(found, Purpose::look));
    } catch (const Error& error) {
        throw FailedWithResult{error, to_json(found)};
    }
    if (common.format == Format::json)
        return print_json(to_json(found));
    if (found.winner->match.fit == Fit::near)
        common.say(
            fmt::format("only similar: a dump by this name takes it if it runs on, and refuses to end it (pid {})",
                        found.winner->id.pid));
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
