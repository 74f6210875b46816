// SPDX-License-Identifier: Apache-2.0
// Where programs of a distribution are, whatever sudo has left of PATH.
#pragma once

#include <optional>
#include <string>

namespace cedana {

inline constexpr const char* k_system_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// `program` itself if it holds a slash, else the first of that name there. Absent where there is none, or it cannot be
// executed.
[[nodiscard]] std::optional<std::string> find_in_system_path(const std::string& program);

} // namespace cedana
