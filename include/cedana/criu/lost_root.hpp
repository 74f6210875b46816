// SPDX-License-Identifier: Apache-2.0
// A CRIU whose tree has lost its root at the wrong moment waits for ever: it stops to listen for the end of its tasks
// once the network is unlocked, and then waits in futex(2) until each has taken on its rights (criu/cr-restore.c,
// ignore_kids() and CR_STATE_RESTORE_CREDS). Whoever ends a tree that cannot be completed meets that moment.
#pragma once

#include "cedana/base/event_loop.hpp"
#include "cedana/base/unique_fd.hpp"

#include <chrono>
#include <optional>

#include <sys/types.h>

namespace cedana::criu {

class LostRoot {
  public:
    // The loop must outlive it.
    explicit LostRoot(EventLoop& loop) : loop_(loop) {}
    LostRoot(const LostRoot&) = delete;
    LostRoot& operator=(const LostRoot&) = delete;
    ~LostRoot();

    // The root is there. Only the first call counts.
    void watch(pid_t root);
    // How long the loop may wait until end_waiting() is to be called again; negative: for ever.
    [[nodiscard]] std::chrono::milliseconds patience() const;
    // Kills this CRIU if the root ended a while ago and it waits in futex(2): what it is to bring back is lost anyway.
    // Whether it was killed.
    bool end_waiting(const UniqueFd& criu) const;

  private:
    EventLoop& loop_;
    UniqueFd root_;
    std::optional<std::chrono::steady_clock::time_point> ended_;
};

} // namespace cedana::criu
