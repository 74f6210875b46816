// SPDX-License-Identifier: Apache-2.0
// Bytes of an image, or of a file: from `from` up to, not including, `to`.
#pragma once

#include <cstdint>

namespace cedana {

struct ByteRange {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
};

} // namespace cedana
