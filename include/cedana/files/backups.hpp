// SPDX-License-Identifier: Apache-2.0
// What restores kept beside the files that they put back (NAME.cedana-backup-DATETIME): which there are, and how they
// go. Their paths are written down as a restore succeeds, since they can lie in any folder.
#pragma once

#include "cedana/base/state_folder.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// Behind the name of a backup's file, before its time: "20261122T164510Z".
inline constexpr std::string_view k_backup_mark = ".cedana-backup-";

struct Backup {
    std::filesystem::path path;
    std::chrono::system_clock::time_point made;
    std::uint64_t bytes = 0;
    // Why it could not be removed.
    std::string why = {};
};

class BackupRecord {
  public:
    // `folder`: root's own, in which the record lies.
    explicit BackupRecord(std::filesystem::path folder = k_log_folder);

    // Makes the folder where there is none. Throws Error.
    void add(const std::vector<std::filesystem::path>& paths) const;
    // Those that are still there as regular files and were made before, oldest first. Throws Error.
    [[nodiscard]] std::vector<Backup> made_before(std::chrono::system_clock::time_point when) const;
    // Removes each through no link, and sets `why` of what stays. What is gone, by this or before, leaves the record.
    // Throws Error.
    void remove(std::vector<Backup>& backups) const;

  private:
    std::filesystem::path folder_;
};

} // namespace cedana
