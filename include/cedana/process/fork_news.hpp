// SPDX-License-Identifier: Apache-2.0
// Every fork on this host as it happens, told by the kernel's process events (Documentation/driver-api/connector.rst):
// how a child is known that has ended before anybody could look at it.
#pragma once

#include "cedana/base/netlink.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct Fork {
    pid_t parent = 0;
    pid_t child = 0;
    friend bool operator==(const Fork&, const Fork&) = default;
};

// What one datagram tells. Threads are not among the forks.
struct ForkNews {
    std::vector<Fork> forks = {};
    // The kernel's answer to the wish to listen: its error number, 0 if it was granted.
    std::optional<unsigned> answer = std::nullopt;
};
[[nodiscard]] ForkNews parse_fork_news(std::span<const std::byte> datagram);

class ForkListener {
  public:
    // Absent where the kernel does not tell: to other than root, inside of a container's pid or user namespace, or if
    // it was built without.
    [[nodiscard]] static std::optional<ForkListener> open();

    // Readable when there is something to take().
    [[nodiscard]] int fd() const noexcept { return socket_.fd(); }
    // The forks since the last call, oldest first; never waits.
    [[nodiscard]] std::vector<Fork> take();
    // More happened than the kernel keeps.
    [[nodiscard]] bool has_gaps() const noexcept { return socket_.has_gaps(); }

  private:
    explicit ForkListener(NetlinkSocket socket) : socket_(std::move(socket)) {}
    [[nodiscard]] ForkNews receive();

    NetlinkSocket socket_;
};

} // namespace cedana
