// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/entry.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/criu/environment.hpp"

#include <chrono>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

// Numbers in CRIU, below those that a restore passes on.
constexpr int k_program_number = 5;
constexpr int k_folder_number = 6;
constexpr int k_first_namespace = 7;

std::string own_path_of(int number) { return fmt::format("/proc/self/fd/{}", number); }

} // namespace

Entry::Entry(std::span<const UniqueFd> namespaces, const std::string& program, const std::filesystem::path& folder)
    : namespaces_(namespaces) {
    if (namespaces.empty())
        return;
    program_ = open_file(program, O_PATH);
    folder_ = open_file(folder, O_PATH | O_DIRECTORY);
}

void Entry::pass(SpawnRequest& criu, Paths& paths) const {
    if (!is_needed())
        return;
    criu.fds.emplace_back(program_.get(), k_program_number);
    criu.fds.emplace_back(folder_.get(), k_folder_number);
    paths.program = own_path_of(k_program_number);
    paths.images = own_path_of(k_folder_number);
    paths.work = paths.images;
    int number = k_first_namespace;
    for (const UniqueFd& one : namespaces_) {
        criu.fds.emplace_back(one.get(), number);
        criu.enter.push_back(number++);
    }
}

std::string Entry::path_of(int fd) { return fmt::format("/proc/{}/fd/{}", ::getpid(), fd); }

std::string Entry::path_in_folder(const std::filesystem::path& file) const {
    return is_needed() ? fmt::format("{}/{}", path_of(folder_.get()), file.filename().string()) : file.string();
}

void note_kernel_features(const std::string& program) {
    constexpr auto k_limit = std::chrono::seconds(30);
    try {
        static_cast<void>(run_captured(
            {.argv = {program, "check", "--feature", "mem_dirty_track"}, .env = clean_environment()}, k_limit));
    } catch (const Error& error) {
        spdlog::debug("{}", error.message());
    }
}

} // namespace cedana::criu
