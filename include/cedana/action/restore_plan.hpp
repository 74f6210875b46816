// SPDX-License-Identifier: Apache-2.0
// `cedana client restore --dry-run`: whether a checkpoint would come back on this host, what would be put back, or why
// not. Changes nothing, and reads of the images only those that tell of names (files, sockets, locks) and of mappings.
#pragma once

#include "cedana/action/restore.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/checkpoint/file_restore.hpp"
#include "cedana/model/manifest.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

struct RestorePlan {
    std::filesystem::path checkpoint;
    Manifest manifest;
    std::string criu_version;
    // Nothing is said of files if one of them is refused.
    std::vector<RestoredFile> files;
    // What its terminal and its pipes to others would be joined to.
    std::vector<std::string> joins;
    // Of a lazy restore.
    std::optional<LazyPart> lazy;
    // What the restore would end with, in the order in which it would meet them.
    std::vector<Error> refusals;
};

// Throws Error if the checkpoint itself is not usable, or Error(Fault::interrupted).
[[nodiscard]] RestorePlan plan_restore(const RestoreRequest& request, const Interrupt& interrupt);

} // namespace cedana
