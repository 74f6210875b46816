// SPDX-License-Identifier: Apache-2.0
// `cedana client sign`: a signature for checkpoints that have none, or another one. Whoever signs vouches for what is
// in there, so this is for the administrator alone.
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/model/caller.hpp"
#include "cedana/model/config.hpp"

#include <filesystem>
#include <string>

namespace cedana {

struct SignRequest {
    std::filesystem::path checkpoint;
    const Config& config;
    const Caller& caller;
};

struct SignResult {
    std::filesystem::path checkpoint;
    std::string key_id;
    // Of the signature that was there; empty if there was none.
    std::string replaced = {};
};

// The checkpoint appears with its signature by rename, so it is whole at every moment: as it was, if this throws. Its
// data is cloned where the file system can, and else copied. Throws Error: Fault::usage without security.signing_key,
// Fault::permission for a user behind sudo, Fault::checkpoint for what does not open as a checkpoint, Fault::storage,
// Fault::interrupted.
[[nodiscard]] SignResult sign(const SignRequest& request, const Interrupt& interrupt);

} // namespace cedana
