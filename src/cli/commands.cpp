// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/commands.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/files/checkpoint_file.hpp"
#include "cedana/model/callers_place.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <system_error>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana {

namespace {

constexpr const char* k_store_meaning =
    "the store (default: shared_storage.mount_point, else dump_storage_dir, else /var/lib/cedana)";

// Throws Error(Fault::usage) for what is no time.
std::optional<std::chrono::system_clock::time_point> time_of(const std::string& before) {
    std::string text = before;
    if (text.empty())
        return std::nullopt;
    if (const auto age = parse_duration(text))
        return std::chrono::system_clock::now() - *age;
    // The rest of "2026-11-22T16:45:10Z" may be left out.
    constexpr std::string_view k_rest = "0000-00-00T00:00:00Z";
    for (const std::size_t size : {10U, 16U, 19U})
        if (text.size() == size)
            text += k_rest.substr(size);
    const auto when = parse_utc_iso(text);
    if (!when)
        throw Error(Fault::usage, fmt::format("--before {} is no time", printable(before)))
            .hint("a time in UTC as `client list` shows it (2026-11-22T16:45:10Z, 2026-11-22), or an age: 15m, 2h, 7d");
    return when;
}

} // namespace

void CommonArguments::say(const std::string& line) const {
    if (verbosity != Verbosity::quiet)
        print_note(line);
}

LoadedConfig load_config_for(const CommonArguments& common, FirstUse first_use) {
    LoadedConfig config =
        load_config({.caller = caller_from_system(), .explicit_file = common.config_file, .first_use = first_use});
    for (const std::string& warning : config.warnings)
        spdlog::warn("{}", warning);
    return config;
}

Option store_option(std::optional<std::filesystem::path>& store) {
    return {.names = {"-d", "--dir"},
            .value = "STORE",
            .meaning = k_store_meaning,
            .target = &store,
            .complete = Complete::folders};
}

Option dir_option(std::optional<std::filesystem::path>& store) {
    Option option = store_option(store);
    option.meaning = "the folder, as DIR";
    option.excludes = "DIR";
    return option;
}

Option store_argument(std::optional<std::filesystem::path>& store) {
    return {.names = {"DIR"}, .meaning = k_store_meaning, .target = &store, .complete = Complete::folders};
}

std::optional<std::chrono::seconds> age_of(const std::string& text, std::string_view option) {
    if (text.empty())
        return std::nullopt;
    const auto age = parse_duration(text);
    if (!age)
        throw Error(Fault::usage, fmt::format("{} {} is no age", option, printable(text)))
            .hint("a number with s, m, h, d or w behind it: 90s, 15m, 2h, 7d, 3w");
    return age;
}

std::vector<Option> pick_options(PickArguments& arguments) {
    return {store_option(arguments.store),
            {.names = {"--before"},
             .value = "TIME",
             .meaning = "of a name: the newest made before TIME, as 2026-11-22T16:45 (UTC), or longer ago than 2h",
             .target = &arguments.before}};
}

PickRules rules_of(const PickArguments& arguments) {
    return {.store = arguments.store, .before = time_of(arguments.before)};
}

Option criu_argument_option(std::vector<std::string>& arguments) {
    return {.names = {"--criu-arg"},
            .value = "ARG",
            .meaning = "one more argument for CRIU: --criu-arg=--ARG",
            .target = &arguments,
            .one_each = true};
}

void append_criu_arguments(LoadedConfig& config, const std::vector<std::string>& arguments) {
    const auto harmful = std::ranges::find_if_not(arguments, criu::is_harmless);
    if (harmful != arguments.end() && !may_become_root(config.caller))
        throw Error(
            Fault::permission,
            fmt::format("user {} may not give CRIU the argument {}: by some of them it runs programs and writes "
                        "files as root",
                        printable(config.caller.name), printable(*harmful)))
            .hint(fmt::format("root can put it into criu.extra_args of {}", k_system_config_file));
    std::vector<std::string>& all = config.values.criu_extra_args;
    all.insert(all.end(), arguments.begin(), arguments.end());
}

void require_place_of_caller(const LoadedConfig& config, const std::filesystem::path& folder, std::string_view what) {
    require_answer(folder, what);
    if (!acts_as_root_for(config.caller) || config.folders_of_root.contains(folder.string()))
        return;
    std::error_code ignored;
    // What is not there is told by who needs it.
    if (!std::filesystem::exists(folder, ignored) || can_write_in(config.caller, folder) ||
        may_become_root(config.caller))
        return;
    throw Error(Fault::permission, fmt::format("{} {} is not one in which user {} may make files", what,
                                               printable(folder.string()), printable(config.caller.name)))
        .hint(fmt::format("name a folder of {}, or let root name this one in {}: shared_storage.dump_storage_dir",
                          printable(config.caller.name), k_system_config_file));
}

void require_places(const LoadedConfig& config, const std::optional<std::filesystem::path>& named) {
    // Whether they answer is asked by the dump as well.
    if (!acts_as_root_for(config.caller))
        return;
    const std::filesystem::path folder = named.value_or(config.values.shared_storage_dump_storage_dir);
    if (!folder.empty())
        require_place_of_caller(config, folder, "the folder for checkpoints");
    if (const std::string& mount = config.values.shared_storage_mount_point; !mount.empty())
        require_place_of_caller(config, mount, "shared_storage.mount_point");
}

} // namespace cedana
