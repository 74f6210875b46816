// SPDX-License-Identifier: Apache-2.0
// Waiting for what happens, by events and never longer than a limit.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <chrono>
#include <filesystem>

#include <sys/types.h>

namespace cedana::testing {

// Long enough for a busy machine; whoever waits so long has found a bug.
inline constexpr std::chrono::seconds k_wait_limit{60};

// Until a file of that name is there; its folder must be. Throws Error after `limit`.
void wait_for_file(const std::filesystem::path& path, std::chrono::milliseconds limit = k_wait_limit);

// Until the process has ended (reaped or not). Throws Error after `limit`.
void wait_for_end(const UniqueFd& pidfd, std::chrono::milliseconds limit = k_wait_limit);

// Whether it runs now: false for a zombie too.
[[nodiscard]] bool is_running(pid_t pid);

} // namespace cedana::testing
