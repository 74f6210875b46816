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
    // The tree stands still from now on, or runs again.
    virtual void frozen(bool /*now*/) {}
    // All is done, though the operation may stay: in the foreground of a restored program, say.
    virtual void done() {}
};

} // namespace cedana
