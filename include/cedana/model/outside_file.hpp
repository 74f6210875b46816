// SPDX-License-Identifier: Apache-2.0
// A file that a tree with a mount namespace of its own has open by a mount of another: what was redirected before the
// namespace was made (unshare --mount, a unit of systemd). CRIU is given it at the restore.
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

namespace cedana {

struct OutsideFile {
    // "file[1a3:4]", the mount and the inode in hexadecimal: what CRIU calls it (criu/files-reg.c, dump_one_reg_file).
    std::string id = {};
    // Among the mounts of whoever restores it.
    std::string path = {};
    friend bool operator==(const OutsideFile&, const OutsideFile&) = default;
};

// "/dev/null" of the device 1:3: a character device without a state, of which every host has one (drivers/char/mem.c).
// Empty for all others.
[[nodiscard]] std::string_view path_of_stateless(dev_t device);

[[nodiscard]] std::string external_id(int mount, ino_t inode);
[[nodiscard]] bool is_external_id(std::string_view id);

} // namespace cedana
