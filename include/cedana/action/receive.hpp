// SPDX-License-Identifier: Apache-2.0
// `cedana client receive`: the end of a migration on the host that is to have the tree. It answers whether it would
// take it, makes the checkpoint's file as its pieces come, brings the tree back to the point at which it only has to
// run, and lets it run on the source's word alone. Whatever else happens, nothing of the tree is left.
#pragma once

#include "cedana/base/progress.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/migration/connection.hpp"
#include "cedana/migration/messages.hpp"
#include "cedana/model/caller.hpp"
#include "cedana/model/config.hpp"

#include <chrono>
#include <string>

namespace cedana {

struct ReceiveRequest {
    Config config;
    Keyring keyring = {};
    Caller caller = {};
    // How long a tree that is there waits for a word of the source.
    std::chrono::seconds go_limit{60};
};

// Returns when the tree runs, or when the source wanted no more than an answer. Throws Error, which the source is told
// too where it can be: nothing of the tree runs here then.
void receive(const ReceiveRequest& request, migration::Connection& source, const Interrupt& interrupt);

// What became of a migration here. One that nobody is at work on any more is brought to its end first: what was killed
// is cleaned up. Throws Error(Fault::usage) for what is no id.
[[nodiscard]] migration::Status state_of_received(const std::string& id);

} // namespace cedana
