// SPDX-License-Identifier: Apache-2.0
// Which bytes of a file that is still written are at the other end as they are now.
#pragma once

#include "cedana/archive/byte_range.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace cedana {

class ByteRanges {
  public:
    void add(ByteRange bytes);
    // They were written anew since.
    void remove(ByteRange bytes);
    // In order, none of which touches the next.
    [[nodiscard]] std::vector<ByteRange> all() const;

  private:
    // From the first byte to what is behind the last.
    std::map<std::uint64_t, std::uint64_t> ranges_;
};

} // namespace cedana
