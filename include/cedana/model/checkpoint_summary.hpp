// SPDX-License-Identifier: Apache-2.0
// What a listing tells of a checkpoint: the few fields of its manifest that fit a line. Kept for thousands of
// checkpoints at once, so it holds nothing else.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct CheckpointSummary {
    // By the host's clock at the time of the dump.
    std::chrono::system_clock::time_point created{};
    std::string name;
    // Empty in most.
    std::string label = {};
    // Of a container; empty for any other tree.
    std::string engine = {};
    std::string host;
    // Of the root.
    pid_t pid = 0;
    std::uint64_t start_time = 0;
    std::string executable;
    // As in /proc/PID/cmdline: each argument with a NUL behind it.
    std::string command_line;
    // False: the tree was ended with the dump.
    bool leave_running = true;
    // False: no restore of it works, and it was made all the same.
    bool restorable = true;
    std::size_t processes = 0;
    std::uint64_t bytes_images = 0;

    bool operator==(const CheckpointSummary&) const = default;
};

[[nodiscard]] std::vector<std::string> arguments_of(const CheckpointSummary& summary);

// Of the text of a manifest, of which nothing else is looked at: parse_manifest() may refuse what this takes. Throws
// Error(Fault::checkpoint) for what is no JSON as far as these values are in it, for another version, and where one of
// them is missing or no such value.
[[nodiscard]] CheckpointSummary parse_summary(std::string_view text);

} // namespace cedana
