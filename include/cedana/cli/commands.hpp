// SPDX-License-Identifier: Apache-2.0
// One function a command: takes what the command line said, calls the action and prints its result.
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/model/loaded_config.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

enum class Format { text, json };

struct CommonArguments {
    std::optional<std::filesystem::path> config_file;
    Format format = Format::text;
};

struct DumpArguments {
    std::optional<std::int64_t> pid;
    std::optional<std::string> name;
    std::optional<std::filesystem::path> folder;
    // Absent: client.leave_running.
    std::optional<bool> leave_running;
    std::vector<std::string> criu_arguments;
    bool dry_run = false;
};

struct RestoreArguments {
    std::filesystem::path checkpoint;
    bool dry_run = false;
    bool new_pid_namespace = false;
    bool force = false;
    bool truncate_grown = false;
    std::vector<std::string> criu_arguments;
};

void dump_command(const CommonArguments& common, const DumpArguments& arguments, const Interrupt& interrupt);
void restore_command(const CommonArguments& common, const RestoreArguments& arguments, const Interrupt& interrupt);
void find_command(const CommonArguments& common, const std::string& name);
void config_show_command(const CommonArguments& common);
void config_init_command();
void config_path_command(const CommonArguments& common);

} // namespace cedana
