// SPDX-License-Identifier: Apache-2.0
// What a listing tells of a checkpoint: the few fields of its manifest that fit a line. Kept for thousands of
// checkpoints at once, so it holds nothing else.
#pragma once

#include "cedana/model/manifest.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <sys/types.h>

namespace cedana {

struct CheckpointSummary {
    // By the host's clock at the time of the dump.
    std::chrono::system_clock::time_point created{};
    std::string name;
    std::string host;
    // Of the root.
    pid_t pid = 0;
    std::uint64_t start_time = 0;
    std::string executable;
    std::size_t processes = 0;
    std::uint64_t bytes_images = 0;
};

// Throws Error(Fault::checkpoint) if its time is none.
[[nodiscard]] CheckpointSummary summarise(const Manifest& manifest);

} // namespace cedana
