// SPDX-License-Identifier: Apache-2.0
// What is in the folders that systemd makes for a unit and takes away (model/unit_entry.hpp), looked at among the
// mounts of its main process. Their files may be of users who change them meanwhile: no link is followed, and what is
// on other file systems is not looked at.
#pragma once

#include "cedana/model/unit_entry.hpp"
#include "cedana/process/written_files.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

// Or a file, like a pid file.
struct UnitFolder {
    std::string path;
    bool is_private = false;
};

struct UnitFolderContent {
    std::vector<UnitEntry> entries;
    // Regular files, for the capture of files; without uses.
    std::vector<WrittenFile> files;
    // Those that would make more than the limit: their paths.
    std::vector<std::string> too_much;
};

// `most_bytes`: of all files together. What is not there, or is a link, is left out. Throws nothing but for memory.
[[nodiscard]] UnitFolderContent read_unit_folders(pid_t main_process, const std::vector<UnitFolder>& folders,
                                                  std::uint64_t most_bytes);

} // namespace cedana
