// SPDX-License-Identifier: Apache-2.0
// What every process of a tree has open and mapped and where it lives, read once for all that look at it.
#pragma once

#include "cedana/process/namespaces.hpp"
#include "cedana/process/open_files.hpp"
#include "cedana/process/tree.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cedana {

// What CRIU has open itself, at the most, while it restores a process: its own descriptors (criu/include/servicefd.h),
// an image and its pipe.
inline constexpr std::uint64_t k_opened_by_criu = 32;

struct Holdings {
    const TreeProcess& process;
    std::vector<OpenFile> open;
    std::vector<MappedFile> mapped;
    // As in Mappings.
    std::uint64_t private_bytes = 0;
    std::uint64_t opened_to_map = 0;
    bool probed = false;
    Namespaces namespaces = {};
};

// The root's first.
using TreeHoldings = std::vector<Holdings>;

// Refers to the processes of `tree`, which must outlive it.
[[nodiscard]] TreeHoldings holdings_of(const Procfs& procfs, const ProcessTree& tree);

} // namespace cedana
