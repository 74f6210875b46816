// SPDX-License-Identifier: Apache-2.0
// An eventfd(2): how a thread wakes a loop that polls.
#pragma once

#include "cedana/base/unique_fd.hpp"

namespace cedana {

class EventFd {
  public:
    // Throws Error.
    EventFd();
    // Readable from set() until clear(); any thread.
    void set() const noexcept;
    void clear() const noexcept;
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  private:
    UniqueFd fd_;
};

} // namespace cedana
