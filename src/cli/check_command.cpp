// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/unit_check.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/clean_up.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/failure.hpp"
#include "cedana/cli/old_backups.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/host/doctor.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

struct CheckArguments {
    bool clean = false;
    std::vector<std::filesystem::path> folders;
    std::string backups;
    std::optional<std::string> unit;
};

Json to_json(const Requirement& one) {
    return {
        {"name", one.name},     {"standing", name_of(one.standing)}, {"found", one.found},
        {"needed", one.needed}, {"hint", text_or_null(one.remedy)},  {"permanent_hint", text_or_null(one.permanent)}};
}

void print_detail(std::string_view title, const std::string& text) {
    if (!text.empty())
        print_text(fmt::format("        {:<10}{}", fmt::format("{}:", title), printable(text)), 18);
}

Colour colour_of(Standing standing) {
    return standing == Standing::good ? Colour::green : standing == Standing::doubtful ? Colour::yellow : Colour::red;
}

void print(const std::vector<Requirement>& requirements) {
    std::size_t width = 0;
    for (const Requirement& one : requirements)
        width = std::max(width, one.name.size());
    for (const Requirement& one : requirements) {
        const std::string_view standing = name_of(one.standing);
        std::string line =
            hanging(fmt::format("{:<6}{:<{}}  {}", standing, printable(one.name), width, printable(one.found)),
                    width + 8, terminal_width(STDOUT_FILENO));
        // Last, since the marks of a colour have no width.
        print_line(
            line.replace(0, standing.size(), painted(standing, colour_of(one.standing), paint_for(STDOUT_FILENO))));
        print_detail("needed", one.needed);
        print_detail("remedy", one.remedy);
        print_detail("for good", one.permanent);
    }
}

// `otherwise`: what is told where one of them is bad.
void report(const std::vector<Requirement>& requirements, Error otherwise, const CommonArguments& common) {
    const bool able = can_work(requirements);
    Json result = {{"able", able}, {"requirements", Json::array()}};
    for (const Requirement& one : requirements)
        result["requirements"].push_back(to_json(one));
    if (common.format == Format::text)
        print(requirements);
    if (!able)
        throw FailedWithResult{std::move(otherwise.hint("each line that says fail names its remedy")), result};
    if (common.format == Format::json)
        print_json(result);
}

void run(const CommonArguments& common) {
    report(check_environment({.caller = caller_from_system(), .explicit_file = common.config_file}),
           Error(Fault::environment, "dump and restore cannot work here yet"), common);
}

void run_for(const std::string& unit, const CommonArguments& common, const Interrupt& interrupt) {
    report(check_unit(unit, load_config_for(common, FirstUse::leaves_nothing), interrupt),
           Error(Fault::dump_failed, fmt::format("{} cannot be dumped as it is", printable(unit))), common);
}

} // namespace

Command check_command() {
    const auto arguments = std::make_shared<CheckArguments>();
    Option old_backups = backups_option(arguments->backups);
    old_backups.needs = "--clean";
    return {.name = "check",
            .summary = "whether this host can dump and restore; what to do if not",
            .options = {{.names = {"--clean"},
                         .meaning = "clean up after dumps and restores that were killed; say what was kept and why",
                         .target = &arguments->clean},
                        {.names = {"-d", "--dir"},
                         .value = "DIR",
                         .meaning =
                             "with --clean: a folder of checkpoints to clean up too (also: those of the configuration)",
                         .target = &arguments->folders,
                         .complete = Complete::folders,
                         .needs = "--clean"},
                        old_backups,
                        {.names = {"--unit"},
                         .value = "NAME",
                         .meaning = "whether this unit of systemd can be dumped as it runs, and come back",
                         .target = &arguments->unit,
                         .excludes = "--clean"}},
            .examples = {"sudo cedana check", "sudo cedana check --unit redis-server",
                         "sudo cedana check --clean -d /var/checkpoints"},
            .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
                if (arguments->unit)
                    return run_for(*arguments->unit, common, interrupt);
                arguments->clean ? clean_up({.folders = arguments->folders, .backups = arguments->backups}, common)
                                 : run(common);
            }};
}

} // namespace cedana
