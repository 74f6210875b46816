// SPDX-License-Identifier: Apache-2.0
// Sizes in bytes.
#pragma once

#include <cstdint>

namespace cedana {

inline constexpr std::uint64_t k_mib = 1024UL * 1024;

} // namespace cedana
