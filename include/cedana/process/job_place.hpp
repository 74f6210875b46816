// SPDX-License-Identifier: Apache-2.0
// By what a process of a job (job/space.hpp) is known from outside of its space.
#pragma once

#include <string_view>

namespace cedana {

// Every space has a file system of its own there, and no other process of a host.
inline constexpr const char* k_job_folder = "/run/cedana/job";

// Of the text of a process's /proc/PID/mountinfo. Pure.
[[nodiscard]] bool is_in_space_of_job(std::string_view mountinfo);

} // namespace cedana
