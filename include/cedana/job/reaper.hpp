// SPDX-License-Identifier: Apache-2.0
// The root of a job's tree: a few instructions that reap whatever is left to them and end as the job's program ends. So
// children that turn into daemons stay in the tree, and in its checkpoints, and the program sees its own alone. It is
// the same on every host and in every version of cedana, since a restore compares it like any program.
#pragma once

#include "cedana/process/job_place.hpp"

#include <filesystem>
#include <string_view>

namespace cedana::job {

// The program as bytes.
[[nodiscard]] std::string_view reaper_program();

// Where it lies in every space (space.hpp).
inline constexpr const char* k_reaper_folder = k_job_folder;
inline constexpr const char* k_reaper = "/run/cedana/job/reaper-1";

} // namespace cedana::job
