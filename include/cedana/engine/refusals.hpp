// SPDX-License-Identifier: Apache-2.0
// Whether a dump is to be refused, before anything is frozen: what was seen in the tree, weighed with what CRIU's
// plug-ins and arguments may help, and with what the program itself may still put right.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/facts/facts.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

struct RefusalContext {
    // criu.extra_args
    std::vector<std::string> arguments = {};
    // Where CRIU looks for its plug-ins.
    std::vector<std::filesystem::path> plugin_folders = {};
    // CRIU's program; empty: it is not known, and nothing is said of what it was built with.
    std::filesystem::path criu = {};
    // What shuts the program in may be lost.
    bool without_sandbox = false;
    // The program is asked to prepare for the dump after this look; there is another one then.
    bool program_prepares_later = false;
    // Of a tree that runs on: how large a file may be that is copied into the checkpoint; 0: none is.
    std::optional<std::uint64_t> largest_copy = std::nullopt;
};

// Those that count, in the order in which they were found.
[[nodiscard]] std::vector<Refusal> standing_refusals(const TreeFacts& facts, const RefusalContext& context);

// Leaves those of which `before`, of an earlier look at the same tree, has one of the kind: with the same hint but for
// numbers. Of which process may differ, where a tree makes new ones all the time.
void keep_seen_before(std::vector<Refusal>& refusals, const std::vector<Refusal>& before);

// Each as the error that a dump ends with.
[[nodiscard]] std::vector<Error> errors_of(const std::vector<Refusal>& refusals);

} // namespace cedana
