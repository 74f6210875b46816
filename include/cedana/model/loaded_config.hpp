// SPDX-License-Identifier: Apache-2.0
// The configuration of one run: the default, /etc/cedana/config.json, the user's file, the environment and the
// flags, each over the one before, and for every value where it came from. Prints nothing: warnings are handed on.
#pragma once

#include "cedana/model/caller.hpp"
#include "cedana/model/config.hpp"
#include "cedana/model/config_file.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

struct Origin {
    enum class Kind { default_value, file, environment, flag };
    Kind kind = Kind::default_value;
    // "PATH:LINE", the variable's name, the flag; empty for a default.
    std::string where;

    // "default", "/etc/cedana/config.json:3", "environment variable CEDANA_ARCHIVE_LEVEL", "flag --stop"
    [[nodiscard]] std::string text() const;
};

// makes_file: of a command that changes something, so that there is a file to edit; one that only looks leaves nothing.
enum class FirstUse { leaves_nothing, makes_file };

struct ConfigSources {
    Caller caller;
    // --config; over CEDANA_CONFIG, over the file in the caller's home.
    std::optional<std::filesystem::path> explicit_file;
    std::filesystem::path system_file = k_system_config_file;
    Environment environment = system_environment;
    FirstUse first_use = FirstUse::leaves_nothing;
};

struct LoadedConfig {
    // Whose configuration it is.
    Caller caller;
    Config values;
    std::vector<std::string> warnings;
    // The user's file, whether it exists or not; empty when there is no home for it.
    std::filesystem::path user_file;
    // Folders for checkpoints by root's own word: those that a file names which nobody else can write.
    std::set<std::string> folders_of_root;
    // Keys that are absent have their default.
    std::map<std::string, Origin, std::less<>> origins;

    // Of a known key.
    [[nodiscard]] Origin origin(std::string_view key) const;
    // A flag's value, over all else. Throws Error(Fault::usage) with the flag's name when it does not fit.
    void set_from_flag(std::string_view key, std::string_view flag, std::string_view value);
};

// Where the user's file is or would be: --config, else CEDANA_CONFIG, else in the caller's home.
[[nodiscard]] std::filesystem::path user_config_path(const ConfigSources& sources);

// Reads all sources. Makes the file in the caller's home when it is missing and that is asked for; that it cannot be
// made is a warning, as are unknown keys, repeated keys, and settings that root alone may set. A file in the caller's
// home that holds nothing but the defaults that earlier versions wrote there says nothing. Throws Error: Fault::usage,
// with file and line or variable, for what is malformed or does not fit and for an explicit file that is missing;
// Fault::permission for a file of the user that they cannot read.
[[nodiscard]] LoadedConfig load_config(const ConfigSources& sources);

// One line of `cedana config show`.
struct ConfigRow {
    std::string key;
    // As JSON.
    std::string value;
    std::string origin;
    std::string meaning;
};
// Every setting, in the table's order.
[[nodiscard]] std::vector<ConfigRow> config_rows(const LoadedConfig& config);

} // namespace cedana
