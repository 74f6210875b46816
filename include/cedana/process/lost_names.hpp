// SPDX-License-Identifier: Apache-2.0
// Files whose name is gone and that have another one: written without a name (O_TMPFILE) or under a temporary one, then
// linked. The kernel does not say what a file is called; most likely it is in the folder in which it was made.
#pragma once

#include "cedana/process/written_files.hpp"

#include <set>
#include <string>
#include <vector>

namespace cedana {

// Those of `wanted` that have a name in `folder`, each once; CRIU's link_remap.N is no such name.
[[nodiscard]] std::vector<WrittenFile> find_by_inode(const std::string& folder, std::set<FileId> wanted);

} // namespace cedana
