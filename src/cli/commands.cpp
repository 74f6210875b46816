// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/commands.hpp"

#include "cedana/cli/output.hpp"

#include <spdlog/spdlog.h>

namespace cedana {

void CommonArguments::say(const std::string& line) const {
    if (verbosity != Verbosity::quiet)
        print_note(line);
}

LoadedConfig load_config_for(const CommonArguments& common) {
    LoadedConfig config = load_config({.caller = caller_from_system(), .explicit_file = common.config_file});
    for (const std::string& warning : config.warnings)
        spdlog::warn("{}", warning);
    return config;
}

void add_criu_argument_option(CLI::App& command, std::vector<std::string>& arguments) {
    command.add_option("--criu-arg", arguments, "one more argument for CRIU: --criu-arg=--ARG")
        ->type_name("ARG")
        ->expected(1)
        ->take_all();
}

void append_criu_arguments(Config& config, const std::vector<std::string>& arguments) {
    config.criu_extra_args.insert(config.criu_extra_args.end(), arguments.begin(), arguments.end());
}

} // namespace cedana
