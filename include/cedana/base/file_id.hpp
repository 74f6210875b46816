// SPDX-License-Identifier: Apache-2.0
// Which file something is, whatever its names are.
#pragma once

#include <compare>
#include <optional>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

namespace cedana {

struct FileId {
    dev_t device = 0;
    ino_t inode = 0;
    friend auto operator<=>(const FileId&, const FileId&) = default;
};

[[nodiscard]] inline FileId file_id(const struct ::stat& info) { return {.device = info.st_dev, .inode = info.st_ino}; }

// Of what has the name now, be it a link; `folder` as in openat(2). None if it cannot be looked at.
[[nodiscard]] inline std::optional<FileId> file_id_at(int folder, const std::string& name) {
    struct ::stat info {};
    if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
        return std::nullopt;
    return file_id(info);
}

} // namespace cedana
