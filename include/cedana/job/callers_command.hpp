// SPDX-License-Identifier: Apache-2.0
// Commands that the caller names, to be run beside a job: `--notice` and `--on-failure`. They are words between spaces,
// no line for a shell, and run as the caller, whoever cedana itself is.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/model/caller.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::job {

// A plain name is looked for among the programs of cedana's own (libexec/cedana) before $PATH. With the caller's
// environment, and `more` beside it. Throws Error(Fault::usage) if there is no word. `option`: "--notice".
[[nodiscard]] SpawnRequest callers_command(const Caller& caller, const std::string& command, std::string_view option,
                                           const std::vector<std::string>& more);

// The first number in what a notice has printed: for how long this host stays. Absent if it says nothing of that. Pure.
[[nodiscard]] std::optional<std::chrono::milliseconds> time_left_in(std::string_view said);

} // namespace cedana::job
