// SPDX-License-Identifier: Apache-2.0
// What the manifest of a checkpoint will say, as far as it is known before the tree stands still.
#pragma once

#include "cedana/action/dump_steps.hpp"
#include "cedana/model/manifest.hpp"

namespace cedana {

// After the steps before the dump have looked at the tree. Of the images it has what they will be large, of the files
// that are captured nothing.
[[nodiscard]] Manifest foreseen_manifest(const DumpDraft& draft);

} // namespace cedana
