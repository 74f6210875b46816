// SPDX-License-Identifier: Apache-2.0
// One file a command: it declares its options, fills a request, calls the action and prints the result.
#pragma once

#include "cedana/base/log.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/model/loaded_config.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

namespace cedana {

enum class Format { text, json };
enum class ProgressForm { automatic, none, json };

struct CommonArguments {
    std::optional<std::filesystem::path> config_file;
    Format format = Format::text;
    ProgressForm progress = ProgressForm::automatic;
    Verbosity verbosity = Verbosity::normal;

    // One line to stderr, unless --quiet was given.
    void say(const std::string& line) const;
};

// The command that was given; it runs once all arguments are parsed.
using Command = std::function<void(const CommonArguments& common, const Interrupt& interrupt)>;

// Thrown by a command that ends with the exit code of the program that it ran.
struct EndAsProgram {
    int exit_code;
};

// Each adds a command to `parent`, whose callback puts the work into `chosen`; that must outlive the parsing.
void add_dump(CLI::App& parent, Command& chosen);
void add_restore(CLI::App& parent, Command& chosen);
void add_inspect(CLI::App& parent, Command& chosen);
void add_prune(CLI::App& parent, Command& chosen);
void add_list(CLI::App& parent, Command& chosen);
void add_find(CLI::App& parent, Command& chosen);
void add_verify(CLI::App& parent, Command& chosen);
void add_sign(CLI::App& parent, Command& chosen);
void add_check(CLI::App& parent, Command& chosen);
void add_completion(CLI::App& parent, Command& chosen);
void add_config(CLI::App& parent, Command& chosen);

// What commands share.

// Reads the configuration and warns of what is odd in it.
[[nodiscard]] LoadedConfig load_config_for(const CommonArguments& common);
// --criu-arg=--ARG, as often as wanted.
void add_criu_argument_option(CLI::App& command, std::vector<std::string>& arguments);
// Throws Error(Fault::permission) for one that root alone may give.
void append_criu_arguments(LoadedConfig& config, const std::vector<std::string>& arguments);

// Throws Error(Fault::permission) for a folder in which the user behind sudo could make no files themselves, unless
// root's own configuration names it. `what`: "the store".
void require_place_of_caller(const LoadedConfig& config, const std::filesystem::path& folder, std::string_view what);

} // namespace cedana
