// SPDX-License-Identifier: Apache-2.0
// CRIU's own figures of a dump: the file stats-dump, which it leaves in its work folder after the tree runs again
// (images/stats.proto).
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string_view>

namespace cedana::criu {

struct DumpStatistics {
    std::chrono::microseconds freezing{};
    // How long the tree stood still.
    std::chrono::microseconds frozen{};
};

// Absent if the bytes are not such a file.
[[nodiscard]] std::optional<DumpStatistics> parse_dump_statistics(std::string_view file);
[[nodiscard]] std::optional<DumpStatistics> read_dump_statistics(const std::filesystem::path& work);

} // namespace cedana::criu
