// SPDX-License-Identifier: Apache-2.0
// The file systems of which files are looked at by their handles, each by folders of it.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/process/file_handle.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cedana {

class HandleFolders {
  public:
    // Whether files of the file system at this path are found by their handles; not where the path is no folder.
    [[nodiscard]] bool add(const std::string& path);
    // Of a folder that was added, and where it is mounted more than once one by which the file is found at its name.
    // None, with errno, as open_by_handle(). `file_system`: f_fsid of statfs(2).
    [[nodiscard]] UniqueFd open(std::uint64_t file_system, const FileHandle& handle) const;

  private:
    std::map<std::uint64_t, std::vector<UniqueFd>> folders_;
};

} // namespace cedana
