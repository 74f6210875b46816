// SPDX-License-Identifier: Apache-2.0
// How a job is, and when a dump was made last, for Prometheus and what reads its text files: OpenMetrics 1.0, which the
// text format of Prometheus 0.0.4 takes too. No command lines are in it.
#pragma once

#include "cedana/base/warned.hpp"
#include "cedana/job/state.hpp"
#include "cedana/model/caller.hpp"
#include "cedana/model/config.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace cedana::job {

[[nodiscard]] std::string metrics_text(const std::string& name, const JobState& state);

// Of a dump that is nobody's job. `subject`: what was dumped, in any characters.
struct DumpFigures {
    double seconds = 0;
    std::optional<double> frozen_seconds = std::nullopt;
    std::uint64_t bytes = 0;
};
using MetricsTime = std::chrono::system_clock::time_point;
[[nodiscard]] std::string dump_text(const std::string& subject, MetricsTime made, const DumpFigures& figures);
// Of one that was tried, whatever comes of it.
[[nodiscard]] std::string attempt_text(const std::string& subject, MetricsTime begun);

// Replaces the file by rename(2), with mode 0644 and the rights of the caller. What cannot be written is a warning.
void write_metrics(const std::filesystem::path& file, const std::string& text, const Caller& caller, Warned& warned);

// The same as root, of "NAME.prom" in metrics.textfile_dir; nothing without that. What the file name of `name` cannot
// hold is "_" there. A folder in which others can change files is a warning.
void write_textfile(const Config& config, const std::string& name, const std::string& text, Warned& warned);

} // namespace cedana::job
