// SPDX-License-Identifier: Apache-2.0
// Relays that one loop serves together.
#pragma once

#include "cedana/roles/relay.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include <poll.h>

namespace cedana::criu {

class Relays {
  public:
    // Takes these descriptors: {from, to}.
    explicit Relays(const std::vector<std::pair<int, int>>& pairs);

    void add(Relay relay) { relays_.push_back(std::move(relay)); }
    [[nodiscard]] bool empty() const noexcept { return relays_.empty(); }

    // What is to be polled for them is appended; with the answers, serve() copies. Those that are done leave.
    void append_to(std::vector<pollfd>& set) const;
    // `looked_at`: the first of what append_to() appended; returns what follows the last.
    const pollfd* serve(const pollfd* looked_at);

    // Copies until all that is there is written, or `limit` has passed.
    void drain(std::chrono::milliseconds limit);

  private:
    std::vector<Relay> relays_;
};

} // namespace cedana::criu
