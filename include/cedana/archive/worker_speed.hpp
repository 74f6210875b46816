// SPDX-License-Identifier: Apache-2.0
// At which priority threads compress: at the lowest while the tree is frozen and CRIU has work, at the usual one from
// raise() or set_full() on. Not for several threads: ImageWriter guards it.
#pragma once

#include <set>

#include <sys/types.h>

namespace cedana {

class WorkerSpeed {
  public:
    // The usual priority is that of this process.
    WorkerSpeed();

    // Brings the calling thread to the lowest priority, unless they were raised.
    void slow_down_self();
    // Raises every thread again, those too that are in the middle of a frame: the capture waits for one, and with it
    // the tree, which at the lowest priority would stand still for as long as others keep the processors busy.
    void raise();
    // As raise(), and for good: the tree waits for nothing else, or runs.
    void set_full();
    [[nodiscard]] bool is_full() const noexcept { return is_full_; }

  private:
    int usual_priority_;
    bool is_awaited_ = false;
    bool is_full_ = false;
    std::set<pid_t> slow_threads_;
};

} // namespace cedana
