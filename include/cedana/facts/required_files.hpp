// SPDX-License-Identifier: Apache-2.0
// What a tree has open, mapped or as its place by name and will need under that name when it is restored. Looking opens
// none of it.
#pragma once

#include "cedana/model/required_file.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/procfs.hpp"

#include <vector>

namespace cedana {

// By path, each once: programs, mapped files, what is open for reading alone, working and root folders. Not what is
// written to (that is captured), what has lost its name (CRIU keeps it), what the kernel makes up (/proc, /sys,
// terminals), nor what is something else when it is looked at from here (another mount namespace).
[[nodiscard]] std::vector<RequiredFile> required_files(const Procfs& procfs, const TreeHoldings& tree);

} // namespace cedana
