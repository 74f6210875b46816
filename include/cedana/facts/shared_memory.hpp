// SPDX-License-Identifier: Apache-2.0
// Memory that processes share, and which the kernel presents as deleted files: anonymous shared mappings, memfds and
// System V segments. CRIU writes each such object once, however many processes use it.
#pragma once

#include "cedana/process/holdings.hpp"

#include <cstdint>
#include <string_view>

namespace cedana {

// `target`: of a descriptor or a mapping, as /proc tells it. CRIU keeps such memory by other means than deleted files.
[[nodiscard]] bool is_shared_memory(std::string_view target);

// What is allocated, swapped out or not, to all that the tree has mapped or open.
[[nodiscard]] std::uint64_t shared_memory(const TreeHoldings& tree);

// Huge pages of private mappings, which the kernel counts apart from all other memory (proc(5), HugetlbPages).
[[nodiscard]] std::uint64_t own_huge_pages(const Procfs& procfs, const Holdings& holdings);

} // namespace cedana
