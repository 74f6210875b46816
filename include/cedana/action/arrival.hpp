// SPDX-License-Identifier: Apache-2.0
// Whether this host would take a tree of another one, before anything is frozen there: the steps that a restore and its
// --dry-run have in common, as far as they need no checkpoint, and what a migration alone needs.
#pragma once

#include "cedana/action/receive.hpp"
#include "cedana/action/step.hpp"
#include "cedana/checkpoint/file_restore.hpp"

#include <filesystem>

namespace cedana {

// Where what comes is written: the store of the configuration, else the default one, which is made. Throws Error.
[[nodiscard]] std::filesystem::path arrival_folder(const ReceiveRequest& request);

// Throws Error(Fault::permission) unless a key of security.trusted_keys is to sign what comes, or root's configuration
// takes it unsigned. `key_id`: of the one that will; empty: none will.
void require_trusted_source(const ReceiveRequest& request, const std::string& key_id);

// Where the files of what comes may be put.
[[nodiscard]] FileRules rules_of_arrival(const ReceiveRequest& request);

// Whether what comes ahead of it, at most as much, has room beside it.
[[nodiscard]] bool has_room_ahead(const ReceiveRequest& request, const migration::Offer& offer);

// What a restore of it would end with; all of it, in the order in which it would meet them.
[[nodiscard]] Errors refusals_of_arrival(const ReceiveRequest& request, const migration::Offer& offer,
                                         const Interrupt& interrupt);

} // namespace cedana
