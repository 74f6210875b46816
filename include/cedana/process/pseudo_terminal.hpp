// SPDX-License-Identifier: Apache-2.0
// Which terminal a device or an open file is.
#pragma once

#include "cedana/process/open_files.hpp"

#include <optional>

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace cedana {

inline constexpr unsigned k_first_pts_major = 136;
inline constexpr unsigned k_last_pts_major = 143;
inline constexpr unsigned k_pts_of_major = 256;

// The N of /dev/pts/N; see Documentation/admin-guide/devices.txt.
inline std::optional<unsigned> pts_number(dev_t device) {
    const unsigned number = major(device);
    if (number < k_first_pts_major || number > k_last_pts_major)
        return std::nullopt;
    return (number - k_first_pts_major) * k_pts_of_major + minor(device);
}

// The same of either of its ends.
inline std::optional<unsigned> pts_number(const OpenFile& file) {
    if (file.master_of)
        return file.master_of;
    return file.info && S_ISCHR(file.info->st_mode) ? pts_number(file.info->st_rdev) : std::nullopt;
}

// /dev/tty, the terminal of whoever opened it (tty(4)).
inline bool is_dev_tty(const OpenFile& file) {
    constexpr unsigned k_alternative = 5;
    return file.info && S_ISCHR(file.info->st_mode) && file.info->st_rdev == makedev(k_alternative, 0);
}

} // namespace cedana
