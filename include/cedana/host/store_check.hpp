// SPDX-License-Identifier: Apache-2.0
// Whether a folder of checkpoints can take them: there, writable, with room, and how fast. What is written to find out
// has no name, and is gone at once.
#pragma once

#include "cedana/host/requirement.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace cedana {

struct StoreQuestion {
    // "mount point"
    std::string name;
    // "shared_storage.mount_point"
    std::string setting;
    std::filesystem::path folder;
    // Something else than the disk below is to be mounted there.
    bool is_mount_point = false;
};

[[nodiscard]] Requirement check_store(const StoreQuestion& question);

// Bytes a second that reach the disk, from one small file; absent if none can be made there.
[[nodiscard]] std::optional<double> write_speed(const std::filesystem::path& folder);

} // namespace cedana
