// SPDX-License-Identifier: Apache-2.0
// Moving a finished checkpoint to shared storage.
#pragma once

#include "cedana/base/progress.hpp"
#include "cedana/base/signals.hpp"

#include <filesystem>

namespace cedana {

enum class MountRule { any_folder, mounted };

// `folder` can take a checkpoint. Throws Error(Fault::storage); MountRule::mounted: also for a plain folder, at which
// nothing is mounted.
void require_mount_point(const std::filesystem::path& folder, MountRule rule);

// Moves `checkpoint` into `folder` under its own name, or with a number if that is taken; the new path. On one file
// system by rename; else copied to a partial file, flushed, read back and compared, renamed, and only then removed
// here. Throws Error (Fault::storage, Fault::interrupted): the checkpoint is still where it was, whole, and nothing is
// under its name in `folder`; where a rename could not be taken back, it is there, and the hint says so.
[[nodiscard]] std::filesystem::path move_checkpoint(const std::filesystem::path& checkpoint,
                                                    const std::filesystem::path& folder, const Interrupt& interrupt,
                                                    Progress& progress);

} // namespace cedana
