// SPDX-License-Identifier: Apache-2.0
// What is read of CRIU's logs.
#pragma once

#include <filesystem>
#include <string>

namespace cedana {

// As much of a log as is needed to read what went wrong: of one above 64 MiB, its first and last 32; empty if there is
// none.
[[nodiscard]] std::string read_log(const std::filesystem::path& log);
// The first 64 KiB of a log, in which CRIU names its run; empty if there is none.
[[nodiscard]] std::string read_log_head(const std::filesystem::path& log);

} // namespace cedana
