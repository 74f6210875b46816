// SPDX-License-Identifier: Apache-2.0
// Relays that one loop serves together.
#pragma once

#include "cedana/roles/relay.hpp"

#include <chrono>
#include <span>
#include <utility>
#include <vector>

#include <poll.h>

namespace cedana::roles {

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

// What goes out of a tree and into it, by one loop.
class Traffic {
  public:
    // As Relays takes them.
    Traffic(const std::vector<std::pair<int, int>>& copies, const std::vector<std::pair<int, int>>& feeds)
        : copies_(copies), feeds_(feeds) {}

    // Out of the tree.
    void add(Relay relay) { copies_.add(std::move(relay)); }
    [[nodiscard]] bool empty() const noexcept { return copies_.empty() && feeds_.empty(); }
    // Waits until there is something to copy or one of the others has an event, which is in it then, and copies. Throws
    // Error.
    void turn(std::span<pollfd> others);
    // As Relays does, of what comes out: what goes in has no end that could be awaited.
    void drain(std::chrono::milliseconds limit) { copies_.drain(limit); }

  private:
    Relays copies_;
    Relays feeds_;
};

} // namespace cedana::roles
