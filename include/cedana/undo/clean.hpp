// SPDX-License-Identifier: Apache-2.0
// `cedana check --clean`, and the beginning of every dump and restore: what dumps and restores left that were killed
// with their cedana. Never anything of one that still works, and never a network lock that waits for its restore.
#pragma once

#include "cedana/undo/tree_lock.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace cedana {

enum class LookFor { left_overs, left_overs_and_locks };

struct CleanRequest {
    // Where partial checkpoints may lie.
    std::vector<std::filesystem::path> folders = {};
    // With the locks: every table of CRIU is accounted for by the checkpoints in the folders, which are all opened.
    LookFor look_for = LookFor::left_overs;
};

struct CleanedItem {
    // "partial checkpoint", "file put back"
    std::string what;
    // A path, or the name of a table.
    std::string name;
    // Of what was kept.
    std::string why = {};
};

struct CleanResult {
    std::vector<CleanedItem> removed;
    std::vector<CleanedItem> kept;
};

// Goes on past what cannot be removed, and says so in `kept`. Throws Error only where nothing at all can be done.
CleanResult clean(const CleanRequest& request);

} // namespace cedana
