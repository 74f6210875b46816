// SPDX-License-Identifier: Apache-2.0
// Holds back what is sent to addresses, while a container that has open connections comes back to them: an engine sets
// up the container's network before the runtime has CRIU restore its sockets, and whoever sends meanwhile, be it once
// more what was lost while the container was away, would get a reset from the kernel. What is held back is lost, and
// TCP sends it again.
//
// Tables of nftables that have an owner (NFT_TABLE_F_OWNER, Linux 5.12): the kernel removes them with this socket, so
// nothing is left of a cedana that is killed.
#pragma once

#include "cedana/base/netlink.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cedana::containers {

class NetworkHold {
  public:
    // IPv4 addresses; what is none is passed over. Without nftables nothing is held back, and nothing is said of it.
    explicit NetworkHold(const std::vector<std::string>& addresses);
    [[nodiscard]] bool holds() const noexcept { return socket_.has_value(); }
    void release() noexcept { socket_.reset(); }

  private:
    std::optional<NetlinkSocket> socket_;
};

} // namespace cedana::containers
