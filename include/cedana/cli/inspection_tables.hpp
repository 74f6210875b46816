// SPDX-License-Identifier: Apache-2.0
// The tables of `cedana client inspect`, which a terminal and the page show alike.
#pragma once

#include "cedana/checkpoint/compare.hpp"
#include "cedana/checkpoint/inspect.hpp"
#include "cedana/cli/table.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cedana {

// How long the longest bar is.
inline constexpr std::size_t k_bar_columns = 16;

// In bytes; of an older checkpoint, which has no kinds, what was resident.
[[nodiscard]] std::uint64_t total_memory_of(const ManifestProcess& process);

// A process a row, the one with the most memory first. With several of them the last row has the sum of what is each
// one's own: shared memory and files count in every process that uses them.
[[nodiscard]] Table memory_table(const Manifest& manifest);
// The first `most` of each.
[[nodiscard]] Table written_files_table(const Manifest& manifest, std::size_t most);
[[nodiscard]] Table images_table(const std::vector<ImageSize>& images, std::size_t most);
[[nodiscard]] Table needed_files_table(const Manifest& manifest);

// Every process; of what else there is only what changed.
[[nodiscard]] Table changed_processes_table(const Comparison& comparison);
// Of files, descriptors and sockets, without those that are empty.
[[nodiscard]] std::vector<Table> changed_tables(const Comparison& comparison);

// "by the key 0123abcd (trusted)", "by nobody"
[[nodiscard]] std::string signature_text(const SignatureState& signature);

} // namespace cedana
