// SPDX-License-Identifier: Apache-2.0
// One file a command: it says what its options are, fills a request, calls the action and prints the result.
#pragma once

#include "cedana/base/log.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/cli/command.hpp"
#include "cedana/model/loaded_config.hpp"
#include "cedana/store/pick.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

enum class Format { text, json };
enum class ProgressForm { automatic, none, json };

struct CommonArguments {
    std::optional<std::filesystem::path> config_file;
    Format format = Format::text;
    ProgressForm progress = ProgressForm::automatic;
    Verbosity verbosity = Verbosity::normal;
    // The command line behind the program's name.
    std::vector<std::string> words = {};

    // One line to stderr, unless --quiet was given.
    void say(const std::string& line) const;
};

// Thrown by a command that ends with the exit code of the program that it ran.
struct EndAsProgram {
    int exit_code;
};

// In the order of the program's help.
[[nodiscard]] Command dump_command();
[[nodiscard]] Command restore_command();
[[nodiscard]] Command migrate_command();
[[nodiscard]] Command receive_command();
[[nodiscard]] Command run_command();
[[nodiscard]] Command ps_command();
[[nodiscard]] Command checkpoint_command();
[[nodiscard]] Command stop_command();
[[nodiscard]] Command history_command();
[[nodiscard]] Command verify_command();
[[nodiscard]] Command list_command();
[[nodiscard]] Command inspect_command();
[[nodiscard]] Command prune_command();
[[nodiscard]] Command remove_command();
[[nodiscard]] Command sign_command();
[[nodiscard]] Command export_command();
[[nodiscard]] Command import_command();
[[nodiscard]] Command find_command();
[[nodiscard]] Command check_command();
[[nodiscard]] Command unit_command();
[[nodiscard]] Command container_command();
[[nodiscard]] Command config_command();
// The words of `program`, which must outlive it.
[[nodiscard]] Command completion_command(const Command& program);

// What commands share.

// Reads the configuration and warns of what is odd in it. One that only looks makes no config file.
[[nodiscard]] LoadedConfig load_config_for(const CommonArguments& common,
                                           FirstUse first_use = FirstUse::leaves_nothing);
// Of an option that takes an age ("2h"); none for an empty text. Throws Error(Fault::usage) for what is none.
[[nodiscard]] std::optional<std::chrono::seconds> age_of(const std::string& text, std::string_view option);
// The argument DIR: the store.
[[nodiscard]] Option store_argument(std::optional<std::filesystem::path>& store);
// -d STORE, of a command that takes the store as the argument DIR too.
[[nodiscard]] Option dir_option(std::optional<std::filesystem::path>& store);
// -d STORE
[[nodiscard]] Option store_option(std::optional<std::filesystem::path>& store);

// Where a command looks for a checkpoint that it takes by its name.
struct PickArguments {
    std::optional<std::filesystem::path> store;
    std::string before;
};
// -d STORE, --before TIME
[[nodiscard]] std::vector<Option> pick_options(PickArguments& arguments);
// Throws Error(Fault::usage) for what is no time.
[[nodiscard]] PickRules rules_of(const PickArguments& arguments);
// --criu-arg=--ARG, as often as wanted.
[[nodiscard]] Option criu_argument_option(std::vector<std::string>& arguments);
// Throws Error(Fault::permission) for one that root alone may give.
void append_criu_arguments(LoadedConfig& config, const std::vector<std::string>& arguments);

// Throws Error(Fault::storage) for a folder that does not answer, Error(Fault::permission) for one in which the user
// behind sudo could make no files themselves, unless root's own configuration names it. `what`: "the store".
void require_place_of_caller(const LoadedConfig& config, const std::filesystem::path& folder, std::string_view what);
// The same of all places where a checkpoint goes: `named`, or else what a setting names, and the mount point.
void require_places(const LoadedConfig& config, const std::optional<std::filesystem::path>& named);

} // namespace cedana
