// SPDX-License-Identifier: Apache-2.0
// `cedana client prune`: removes the checkpoints of a store that no rule of retention keeps. Of each program one that
// was read to its last byte always stays; so does the last of a process that was stopped with it, which exists nowhere
// else. What does not open as a checkpoint is never touched.
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/store/retention.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cedana {

enum class Pruning { dry_run, real };

struct PruneRequest {
    std::filesystem::path store;
    RetentionRules rules;
    // What it does not trust neither counts nor is touched: it could be there to have the others removed.
    Keyring keyring = {};
    Pruning pruning = Pruning::real;
};

struct PrunedCheckpoint {
    CatalogEntry entry;
    // Why it stays though no rule keeps it; empty if it was, or would be, removed.
    std::string spared;
};

struct PruneResult {
    // Newest first within a program.
    std::vector<PrunedCheckpoint> surplus;
    std::size_t kept = 0;
    std::size_t untrusted = 0;
    std::uint64_t bytes_removed = 0;
};

// Throws Error(Fault::usage) if no rule is set, Error(Fault::storage) if a checkpoint cannot be removed,
// Error(Fault::interrupted). What was removed by then is gone.
[[nodiscard]] PruneResult prune(const PruneRequest& request, const Interrupt& interrupt);

} // namespace cedana
