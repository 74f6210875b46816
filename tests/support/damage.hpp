// SPDX-License-Identifier: Apache-2.0
// Damages a checkpoint in one place after the other and looks whether that is found.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace cedana::testing {

struct DamageCount {
    std::size_t tried = 0;
    // Found to be no whole checkpoint (Fault::checkpoint).
    std::size_t found = 0;
    // Not found; but every entry decodes to what it did before, so that nobody who reads the checkpoint sees a
    // difference. Offsets of the bytes.
    std::vector<std::size_t> without_effect = {};
    // Neither.
    std::vector<std::size_t> missed = {};
};

// Every `stride`-th byte of `checkpoint` XORed with `mask`, one at a time.
[[nodiscard]] DamageCount flip_bytes(const std::string& checkpoint, std::size_t stride, unsigned char mask);
// Cut to every `stride`-th length.
[[nodiscard]] DamageCount cut(const std::string& checkpoint, std::size_t stride);

// What a restore reads, which is all but CRIU's log, decodes to the same in both; false for what cannot be read.
[[nodiscard]] bool restores_the_same(const std::string& checkpoint, const std::string& other);

} // namespace cedana::testing
