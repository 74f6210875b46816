// SPDX-License-Identifier: Apache-2.0
// A file whose name was removed while it has other names.
#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

namespace cedana {

struct RenamedFile {
    // The name that it had.
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
    // Who has it open, and how large it is.
    pid_t pid = 0;
    std::uint64_t size = 0;
};

} // namespace cedana
