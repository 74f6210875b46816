// SPDX-License-Identifier: Apache-2.0
// What a long operation tells about itself while it runs. Actions report; cli decides what is shown.
#pragma once

#include <cstdint>
#include <string_view>

namespace cedana {

class Progress {
  public:
    virtual ~Progress() = default;
    // A new phase begins: "dumping", "compressing", "moving".
    virtual void phase(std::string_view /*name*/) {}
    // Bytes done in this phase; `total` 0 when it is not known.
    virtual void bytes(std::uint64_t /*done*/, std::uint64_t /*total*/) {}
};

} // namespace cedana
