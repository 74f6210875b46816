// SPDX-License-Identifier: Apache-2.0
// What is told of a job while it runs, and to whom: people, programs (--json), the service manager, and the files that
// the caller has named.
#pragma once

#include "cedana/cli/commands.hpp"
#include "cedana/job/supervisor.hpp"
#include "cedana/model/loaded_config.hpp"

#include <filesystem>
#include <string>

namespace cedana {

// Both are written with the rights of the caller; empty: none. What cannot be written is a warning.
struct JobFiles {
    // There as long as the program runs, with its pid.
    std::filesystem::path ready_file = {};
    std::filesystem::path metrics = {};
};
// `common` and `config` outlive what is returned.
[[nodiscard]] job::Tell job_teller(const CommonArguments& common, const JobFiles& files, const std::string& name,
                                   const LoadedConfig& config);

// The children's progress: lines with the job's name, or one line on a terminal that goes away. As long as it goes on,
// the service manager waits (sd_notify(3), EXTEND_TIMEOUT_USEC).
[[nodiscard]] job::Hear job_listener(const CommonArguments& common, const std::string& name);

} // namespace cedana
