// SPDX-License-Identifier: Apache-2.0
// `cedana client verify`: every byte of checkpoints is read and compared with every digest that there is of it; and
// whether a restore on this host would work, or why not. Changes nothing. And where it is asked for, a trial
// (prove.hpp).
#pragma once

#include "cedana/action/prove.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/model/caller.hpp"
#include "cedana/model/config.hpp"
#include "cedana/model/manifest.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace cedana {

struct VerifyRequest {
    std::vector<std::filesystem::path> checkpoints;
    Config config;
    // Who would restore them.
    Caller caller = {};
    Keyring keyring = {};
    bool prove = false;
};

struct VerifiedCheckpoint {
    std::filesystem::path path;
    // Why it is not whole, or could not be read; nothing is said of this host then.
    std::optional<Error> flaw;
    // Absent if it is not whole.
    std::optional<Manifest> manifest;
    // What a restore here would end with, in the order in which it would meet them.
    std::vector<Error> refusals;
    // Absent unless it was asked for, and for one that is not whole.
    std::optional<Proof> proof = {};
};

struct VerifyResult {
    // In the order of the request.
    std::vector<VerifiedCheckpoint> checkpoints;
    std::uint64_t bytes_read = 0;
    double seconds = 0;
};

// Throws Error(Fault::interrupted) alone: what is wrong with a checkpoint is in the result.
[[nodiscard]] VerifyResult verify(const VerifyRequest& request, const Interrupt& interrupt, Progress& progress);

// The error that the whole ends with: the first checkpoint that is damaged, else the first that cannot be restored here
// for another reason, or did not come back in a trial. None if all can.
[[nodiscard]] std::optional<Error> worst_of(const VerifyResult& result);

} // namespace cedana
