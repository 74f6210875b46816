// SPDX-License-Identifier: Apache-2.0
// The facts of a tree as the manifest keeps them.
#pragma once

#include "cedana/model/recorded_facts.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/sockets.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace cedana {

// What is compared with.
struct Observer {
    // Cedana's own.
    const Namespaces& own;
    pid_t self = 0;
    // Who has the other ends of unix sockets, as far as they are known.
    const std::map<std::uint64_t, std::string>& peers;
};

[[nodiscard]] RecordedFacts record_facts(const Procfs& procfs, const TreeHoldings& tree, const TreeSockets& sockets,
                                         const Observer& observer);

// What kind of thing it is.
[[nodiscard]] OpenKind kind_of(const OpenFile& file);

} // namespace cedana
