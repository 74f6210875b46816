// SPDX-License-Identifier: Apache-2.0
// What the manifest of a checkpoint will say, as far as it is known before the tree stands still.
#pragma once

#include "cedana/action/dump_steps.hpp"
#include "cedana/model/manifest.hpp"

namespace cedana {

// After the steps before the dump have looked at the tree. Of the images it has what they will be large, of the files
// that are captured nothing.
[[nodiscard]] Manifest foreseen_manifest(const DumpDraft& draft);

// For who is asked beforehand: the files of which copies will be made, with zeros for their digests, and the others.
[[nodiscard]] std::vector<CapturedFile> foreseen_files(const WrittenFiles& written, const Config& config);

} // namespace cedana
