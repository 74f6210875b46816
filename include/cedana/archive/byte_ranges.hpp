// SPDX-License-Identifier: Apache-2.0
// A set of bytes of a file, as ranges.
#pragma once

#include "cedana/archive/byte_range.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace cedana {

class ByteRanges {
  public:
    void add(ByteRange bytes);
    void remove(ByteRange bytes);
    // All of them.
    [[nodiscard]] bool contains(ByteRange bytes) const;
    // In order, none of which touches the next.
    [[nodiscard]] std::vector<ByteRange> all() const;

  private:
    // From the first byte to what is behind the last.
    std::map<std::uint64_t, std::uint64_t> ranges_;
};

} // namespace cedana
