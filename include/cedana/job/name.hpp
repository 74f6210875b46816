// SPDX-License-Identifier: Apache-2.0
// What a job is called: the name of its folder in the store, of its checkpoints and in all messages. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cedana::job {

// 1 to 64 of A-Z a-z 0-9 . _ -, of which the first is neither a dot nor a dash.
[[nodiscard]] bool is_job_name(std::string_view name);
// Throws Error(Fault::usage) for what is none.
void require_job_name(const std::string& name);

// What it runs, and a digest of the whole command line: "train.py-3fa91c", so that other arguments are another job.
[[nodiscard]] std::string default_job_name(std::span<const std::string> argv);

} // namespace cedana::job
