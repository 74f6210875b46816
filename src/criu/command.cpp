// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/command.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <spdlog/fmt/fmt.h>

namespace cedana::criu {

namespace {

// Not -v4: that writes fourteen lines for each megabyte of memory while the tree is frozen.
constexpr const char* k_verbosity = "-v3";
// Warnings and errors.
constexpr const char* k_of_failures = "-v2";

std::vector<std::string> common(const Paths& paths, const char* verb, Images images, const char* log,
                                const char* verbosity) {
    std::vector<std::string> argv = {paths.program, verb};
    if (images == Images::streamed)
        argv.emplace_back("--stream");
    argv.insert(argv.end(), {"--images-dir", paths.images.string(), "--work-dir", paths.work.string(), verbosity,
                             "--log-file", log});
    return argv;
}

void add_options(std::vector<std::string>& argv, const CriuOptions& options) {
    if (options.shell_job)
        argv.emplace_back("--shell-job");
    if (options.tcp_established)
        argv.emplace_back("--tcp-established");
    if (!options.network_lock.empty())
        argv.insert(argv.end(), {"--network-lock", options.network_lock});
    if (options.external_unix_sockets)
        argv.emplace_back("--ext-unix-sk");
    if (options.file_locks)
        argv.emplace_back("--file-locks");
    if (options.link_remap)
        argv.emplace_back("--link-remap");
    if (options.ignore_cgroups)
        argv.emplace_back("--manage-cgroups=ignore");
    if (options.ghost_limit != 0) {
        argv.emplace_back("--ghost-limit");
        argv.push_back(std::to_string(options.ghost_limit));
    }
    argv.insert(argv.end(), options.extra.begin(), options.extra.end());
}

} // namespace

std::vector<std::string> dump_argv(const DumpCommand& command) {
    const bool by_socket = command.action_script.empty();
    // What is asked for through the socket then says that it is a dump (criu/crtools.c, main()).
    auto argv = common(command.paths, by_socket ? "swrk" : "dump", command.images, k_dump_log,
                       command.log == LogOf::all ? k_verbosity : k_of_failures);
    argv.insert(argv.end(), {"--tree", std::to_string(command.pid)});
    if (!by_socket)
        argv.insert(argv.end(), {"--action-script", command.action_script.string()});
    if (command.after == After::leave_running)
        argv.emplace_back("--leave-running");
    if (command.sizes_only)
        argv.insert(argv.end(), {"--file-validation", "filesize"});
    add_options(argv, command.options);
    if (by_socket)
        argv.push_back(std::to_string(k_stage_socket));
    return argv;
}

int log_level_of(const std::vector<std::string>& argv) {
    constexpr int k_default = 2;
    constexpr int k_most = 4;
    constexpr std::string_view k_v = "-v";
    constexpr std::string_view k_verbosity_word = "--verbosity=";
    int level = k_default;
    for (const std::string_view argument : argv) {
        const std::string_view word = argument.starts_with(k_verbosity_word)
                                          ? argument.substr(k_verbosity_word.size())
                                          : argument.substr(std::min(argument.size(), k_v.size()));
        const bool is_one = argument.starts_with(k_verbosity_word) || argument.starts_with(k_v);
        if (std::int64_t number = 0; is_one && parse_number(word, number) && number >= 0 && number <= k_most)
            level = static_cast<int>(number);
        else if (argument.starts_with(k_v) && word.find_first_not_of('v') == std::string_view::npos)
            level += static_cast<int>(word.size()) + 1;
    }
    return level;
}

std::vector<std::string> restore_argv(const RestoreCommand& command) {
    auto argv = common(command.paths, "restore", Images::streamed, k_restore_log, k_verbosity);
    argv.insert(argv.end(), {"--restore-detached", "--pidfile", command.pid_file.string()});
    for (const Inherited& one : command.inherited)
        argv.insert(argv.end(), {"--inherit-fd", fmt::format("fd[{}]:{}", one.number, one.id)});
    if (command.lazy_pages)
        argv.emplace_back("--lazy-pages");
    if (!command.action_script.empty())
        argv.insert(argv.end(), {"--action-script", command.action_script.string()});
    if (command.leave_stopped)
        argv.emplace_back("--leave-stopped");
    add_options(argv, command.options);
    return argv;
}

bool is_harmless(std::string_view argument) {
    constexpr std::array<std::string_view, 7> k_words = {"--tcp-close", "--skip-in-flight", "-v0", "-v1", "-v2", "-v3",
                                                         "-v4"};
    constexpr std::string_view k_ghost_limit = "--ghost-limit=";
    if (std::ranges::count(k_words, argument) != 0)
        return true;
    if (!argument.starts_with(k_ghost_limit))
        return false;
    std::string_view size = argument.substr(k_ghost_limit.size());
    if (size.ends_with('K') || size.ends_with('M') || size.ends_with('G'))
        size.remove_suffix(1);
    std::int64_t number = 0;
    return parse_number(size, number) && number >= 0;
}

} // namespace cedana::criu
