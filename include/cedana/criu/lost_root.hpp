// SPDX-License-Identifier: Apache-2.0
// A CRIU whose tree has lost its root at the wrong moment waits for ever: it stops to listen for the end of its tasks
// once the network is unlocked, and then waits in futex(2) until each has taken on its rights (criu/cr-restore.c,
// ignore_kids() and CR_STATE_RESTORE_CREDS). Whoever ends a tree that cannot be completed meets that moment.
#pragma once

#include "cedana/base/event_loop.hpp"
#include "cedana/base/unique_fd.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include <sys/types.h>

namespace cedana::criu {

// Asked whenever the loop had nothing to do for `patience`.
class LostRoot {
  public:
    // The loop must outlive it.
    explicit LostRoot(EventLoop& loop) : loop_(loop) {}
    LostRoot(const LostRoot&) = delete;
    LostRoot& operator=(const LostRoot&) = delete;
    ~LostRoot();

    // The root is there. Only the first call counts.
    void watch(pid_t root);
    // For a root that is CRIU's own child, whatever its number is here: CRIU has written down its pid, waits in
    // futex(2) and has no child that lives.
    void look_for_child(const UniqueFd& criu, const std::filesystem::path& pid_file);
    // Negative: for ever.
    [[nodiscard]] std::chrono::milliseconds patience() const;
    // Kills this CRIU if the root has ended and it has waited in futex(2) since the last call, whatever it is to bring
    // back is lost then. Whether it was killed.
    bool end_waiting(const UniqueFd& criu);

  private:
    EventLoop& loop_;
    UniqueFd root_;
    bool is_ended_ = false;
    // What its KernelWait said, once it waited in futex(2) and the root had ended.
    std::optional<std::string> seen_;
};

} // namespace cedana::criu
