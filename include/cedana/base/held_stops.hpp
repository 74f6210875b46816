// SPDX-License-Identifier: Apache-2.0
// While a tree stands still cedana must not be stopped itself: by Ctrl-Z, or by the terminal that it reads from or
// writes to in the background (SIGTSTP, SIGTTIN, SIGTTOU; `stty tostop`). The tree would stand still for as long.
#pragma once

#include <csignal>

namespace cedana {

class HeldStops {
  public:
    // These signals wait from now on, in this thread and in those that it starts. A write to the terminal that would
    // have been stopped is carried out (tty_ioctl(4), TOSTOP).
    HeldStops() noexcept;
    HeldStops(const HeldStops&) = delete;
    HeldStops& operator=(const HeldStops&) = delete;
    ~HeldStops() { let(); }

    // In the same thread: what came meanwhile stops cedana now.
    void let() noexcept;

  private:
    sigset_t before_{};
    bool held_ = false;
};

} // namespace cedana
