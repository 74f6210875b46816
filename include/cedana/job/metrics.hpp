// SPDX-License-Identifier: Apache-2.0
// How a job is, for Prometheus and what reads its text files (OpenMetrics 1.0). No command lines are in it.
#pragma once

#include "cedana/job/state.hpp"
#include "cedana/model/caller.hpp"

#include <filesystem>
#include <string>

namespace cedana::job {

[[nodiscard]] std::string metrics_text(const std::string& name, const JobState& state);

// Replaces the file by rename(2), with mode 0644 and the rights of the caller. What cannot be written is a warning.
void write_metrics(const std::filesystem::path& file, const std::string& text, const Caller& caller);

} // namespace cedana::job
