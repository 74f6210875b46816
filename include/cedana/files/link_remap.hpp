// SPDX-License-Identifier: Apache-2.0
// CRIU keeps a file whose name was removed, but which has other names, by one more name: link_remap.N beside where it
// was (criu/files-reg.c). It removes that itself, at the restore or when the tree runs on; a CRIU that is killed does
// not.
#pragma once

#include "cedana/model/link_remap.hpp"

#include <filesystem>
#include <vector>

#include <sys/types.h>

namespace cedana {

// The names of this kind that the file has in the folder of `path`, or in the nearest folder above it that is there,
// as CRIU chooses it. Throws Error (Fault::storage) when that folder cannot be read: one that is missed may be taken
// for new later, and removed.
[[nodiscard]] std::vector<std::filesystem::path> link_remaps(const std::filesystem::path& path, dev_t device,
                                                             ino_t inode);

// Gives the file that CRIU has called `link` a name of its own in that folder, under which it waits for the restore;
// where that is not possible it keeps the one that it has.
void let_wait(LinkRemap& remap);

} // namespace cedana
