// SPDX-License-Identifier: Apache-2.0
// Runs the cedana executable of this build as a user would, with an environment that holds nothing of the caller's.
#pragma once

#include "cedana/base/child_process.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "support/wait.hpp"

namespace cedana::testing {

[[nodiscard]] std::filesystem::path cedana_executable();

// CEDANA_THOROUGH is set: what is tried in a sample or with less is tried in whole.
[[nodiscard]] bool is_thorough();

// Working folders whose cedana is gone.
[[nodiscard]] std::vector<std::string> abandoned_working_folders();

struct RunOptions {
    // $HOME, where cedana makes its config file.
    std::filesystem::path home;
    std::map<std::string, std::string> environment = {};
    // Absent: the user who runs the test.
    std::optional<std::pair<uid_t, gid_t>> user = std::nullopt;
    // Absent: that of this build.
    std::optional<std::filesystem::path> executable = std::nullopt;
    std::string cwd = "/";
    std::chrono::milliseconds limit = k_wait_limit;
};

struct CedanaRun {
    // -1 when a signal ended it.
    int exit_code = -1;
    std::string out;
    std::string err;
};

// Throws Error when it does not end within the limit.
[[nodiscard]] CedanaRun run_cedana(std::vector<std::string> arguments, const RunOptions& options);

// As run_cedana(), with --passphrase-fd 3: a shell opens `passphrase`, a file, as that descriptor.
[[nodiscard]] CedanaRun run_with_passphrase(const std::vector<std::string>& arguments, RunOptions options,
                                            const std::filesystem::path& passphrase);

// As run_cedana(), while it runs. Its output goes to files in `folder`.
class RunningCedana {
  public:
    RunningCedana(std::vector<std::string> arguments, const RunOptions& options, std::filesystem::path folder);

    [[nodiscard]] pid_t pid() const noexcept { return child_.pid(); }
    void signal(int number) const { child_.signal(number); }
    // The file to which its messages go.
    [[nodiscard]] std::filesystem::path messages() const;
    // Throws Error when it does not end within the limit.
    CedanaRun wait();

  private:
    std::filesystem::path folder_;
    std::chrono::milliseconds limit_;
    ChildProcess child_;
};

} // namespace cedana::testing
