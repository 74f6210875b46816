// SPDX-License-Identifier: Apache-2.0
// Bars of block characters, an eighth of a column fine. Pure.
#pragma once

#include <cstddef>
#include <string>

namespace cedana {

// A bar that fills `part` (0 to 1) of `width` columns, not padded. Something that is not 0 is seen.
[[nodiscard]] std::string bar(double part, std::size_t width);

// part / whole, 0 if there is nothing.
[[nodiscard]] double share(double part, double whole);

} // namespace cedana
