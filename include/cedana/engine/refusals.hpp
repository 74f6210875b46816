// SPDX-License-Identifier: Apache-2.0
// Whether a dump is to be refused, before anything is frozen: what was seen in the tree, weighed with what CRIU's
// plug-ins and arguments may help, and with what the program itself may still put right.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/process/facts.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace cedana {

struct RefusalContext {
    // criu.extra_args
    std::vector<std::string> arguments = {};
    // Where CRIU looks for its plug-ins.
    std::vector<std::filesystem::path> plugin_folders = {};
    // The program is asked to prepare for the dump after this look; there is another one then.
    bool program_prepares_later = false;
};

// Those that count, in the order in which they were found.
[[nodiscard]] std::vector<Refusal> standing_refusals(const TreeFacts& facts, const RefusalContext& context);

// Each as the error that a dump ends with.
[[nodiscard]] std::vector<Error> errors_of(const std::vector<Refusal>& refusals);

} // namespace cedana
