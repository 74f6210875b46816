// SPDX-License-Identifier: Apache-2.0
// Whether this host has what a checkpoint needs, looked at before anything is started: CRIU would stop at the first
// thing that is missing, after much work, and name it alone.
#pragma once

#include "cedana/model/manifest.hpp"

#include <string>
#include <vector>

namespace cedana {

// One sentence for each difference that matters, without end: missing or changed files, another machine, CPU
// instructions that programs may have chosen and this CPU lacks. Empty if the tree can run here. `host`: this one.
[[nodiscard]] std::vector<std::string> misfits(const Manifest& manifest, const ManifestHost& host);

// Throws Error(Fault::environment) with all of them.
void require_fit(const Manifest& manifest, const ManifestHost& host);

} // namespace cedana
