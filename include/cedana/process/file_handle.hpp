// SPDX-License-Identifier: Apache-2.0
// A file as its file system knows it, without a name (name_to_handle_at(2)): fanotify(7) and inotify tell of files so.
// To look at one by it opens nothing that anybody notices: no lease is broken, and nobody counts it as a reader.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <optional>
#include <string>

#include <fcntl.h>

namespace cedana {

struct FileHandle {
    int type = 0;
    // As the kernel gives them; at most MAX_HANDLE_SZ.
    std::string bytes = {};
};

// A folder, or whatever else is there, for open_by_handle(): a plain file would be opened in earnest, so none is.
[[nodiscard]] UniqueFd open_folder_for_handles(const std::string& path);

// By O_PATH. None, with errno: ESTALE where the file is gone; where the file system finds none by its handle (overlay
// without nfs_export) that too, or another. `folder`: any of the same file system, opened by the function above. Needs
// CAP_DAC_READ_SEARCH (open_by_handle_at(2)).
[[nodiscard]] UniqueFd open_by_handle(const UniqueFd& folder, const FileHandle& handle);

// Of what is open there; none if the file system has none.
[[nodiscard]] std::optional<FileHandle> file_handle_of(const UniqueFd& file);

} // namespace cedana
