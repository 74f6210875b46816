// SPDX-License-Identifier: Apache-2.0
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

void run(const CommonArguments& common) {
    const std::vector<Requirement> requirements =
        check_environment({.caller = caller_from_system(), .explicit_file = common.config_file});
    const bool able = can_work(requirements);
    Json result = {{"able", able}, {"requirements", Json::array()}};
    for (const Requirement& one : requirements)
        result["requirements"].push_back(to_json(one));
    if (common.format == Format::text)
        print(requirements);
    if (!able)
        throw FailedWithResult{Error(Fault::environment, "dump and restore cannot work here yet")
                                   .hint("each line that says fail names its remedy"),
                               result};
    if (common.format == Format::json)
        print_json(result);
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
                        old_backups},
            .examples = {"sudo cedana check", "sudo cedana check --clean -d /var/checkpoints"},
            .run = [arguments](const CommonArguments& common, const Interrupt&) {
                arguments->clean ? clean_up({.folders = arguments->folders, .backups = arguments->backups}, common)
                                 : run(common);
            }};
}

} // namespace cedana
