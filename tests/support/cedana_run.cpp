// SPDX-License-Identifier: Apache-2.0
#include "support/cedana_run.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <cstdlib>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>

#include "support/kept_folder.hpp"

namespace cedana::testing {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_out = "cedana.out";
constexpr const char* k_err = "cedana.err";

SpawnRequest request_of(std::vector<std::string> arguments, const RunOptions& options) {
    std::vector<std::string> argv = {options.executable.value_or(cedana_executable()).string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    std::vector<std::string> environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                            "LANG=C", "HOME=" + options.home.string()};
    for (const auto& [name, value] : options.environment)
        environment.push_back(fmt::format("{}={}", name, value));
    return {.argv = std::move(argv), .cwd = options.cwd, .env = std::move(environment), .user = options.user};
}

ChildProcess start(std::vector<std::string> arguments, const RunOptions& options, const fs::path& folder) {
    const UniqueFd out = open_file(folder / k_out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const UniqueFd err = open_file(folder / k_err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    SpawnRequest request = request_of(std::move(arguments), options);
    request.fds = {{out.get(), 1}, {err.get(), 2}};
    return ChildProcess::spawn(std::move(request));
}

} // namespace

fs::path cedana_executable() { return CEDANA_EXECUTABLE; }

bool is_thorough() { return std::getenv("CEDANA_THOROUGH") != nullptr; }

std::vector<std::string> abandoned_working_folders() {
    std::vector<std::string> abandoned;
    for (const std::string& name : names_in("/run/cedana")) {
        // KIND.PID.START.XXXXXX; other tests may run beside this one.
        const std::vector<std::string> parts = split(name, '.');
        std::int64_t pid = 0;
        if (parts.size() == 4 && parse_number(parts[1], pid) && !is_running(static_cast<pid_t>(pid)))
            abandoned.push_back(name);
    }
    return abandoned;
}

CedanaRun run_cedana(std::vector<std::string> arguments, const RunOptions& options) {
    Captured captured = run_captured(request_of(std::move(arguments), options), options.limit);
    return {.exit_code = captured.status.code().value_or(-1),
            .out = std::move(captured.out),
            .err = std::move(captured.err)};
}

CedanaRun run_with_passphrase(const std::vector<std::string>& arguments, RunOptions options,
                              const fs::path& passphrase) {
    std::string command = "exec " + cedana_executable().string();
    for (const std::string& argument : arguments)
        command += " '" + argument + "'";
    options.executable = "/bin/sh";
    return run_cedana({"-c", command + " --passphrase-fd 3 3<" + passphrase.string()}, options);
}

RunningCedana::RunningCedana(std::vector<std::string> arguments, const RunOptions& options, fs::path folder)
    : folder_(std::move(folder)), limit_(options.limit), child_(start(std::move(arguments), options, folder_)) {}

fs::path RunningCedana::messages() const { return folder_ / k_err; }

CedanaRun RunningCedana::wait() {
    const auto status = child_.wait_for(limit_);
    if (!status)
        throw Error(Fault::internal, fmt::format("cedana did not end within {} ms", limit_.count()));
    return {
        .exit_code = status->code().value_or(-1), .out = read_file(folder_ / k_out), .err = read_file(folder_ / k_err)};
}

} // namespace cedana::testing
