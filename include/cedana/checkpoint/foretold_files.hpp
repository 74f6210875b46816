// SPDX-License-Identifier: Apache-2.0
// Whether the files that are to come with a tree of another host can be put in their places here, before there is a
// checkpoint: what FileRestore would refuse, as far as it can be said while the tree still runs, and writes.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/checkpoint/file_restore.hpp"
#include "cedana/model/manifest.hpp"
#include "cedana/process/procfs.hpp"

#include <vector>

namespace cedana {

// Of `manifest` the files and the places count, as foreseen: what has the size and the time of change of the file there
// counts as that file, and stays as it is. Not told of: what the rules allow nowhere (require_allowed_place()). Changes
// nothing.
[[nodiscard]] std::vector<Error> foretell_put_back(const Manifest& manifest, const FileRules& rules,
                                                   const Procfs& procfs);

} // namespace cedana
