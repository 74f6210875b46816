// SPDX-License-Identifier: Apache-2.0
// From what a tree looks like to the options that CRIU needs for it: one pure function.
#pragma once

#include "cedana/facts/facts.hpp"
#include "cedana/model/criu_options.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cedana {

// CRIU copies a deleted file into its images while the tree stands still: so much of one at most, in bytes.
inline constexpr std::uint64_t k_largest_ghost = 1024UL * 1024 * 1024;

[[nodiscard]] CriuOptions choose_criu_options(const TreeFacts& facts, const std::vector<std::string>& extra);

struct ChosenOption {
    // As CRIU is given it.
    std::string option;
    // What in the tree asks for it.
    std::string reason;
};

// Those that are not CRIU's defaults, with their reasons.
[[nodiscard]] std::vector<ChosenOption> explain(const CriuOptions& options, const TreeFacts& facts);

} // namespace cedana
