// SPDX-License-Identifier: Apache-2.0
// Holds back the packets of single TCP connections while CRIU brings them back. CRIU sends what a connection had not
// sent yet out of its repair mode (soccr/soccr.c, libsoccr_restore_queue), be its other end there yet or not: where it
// is not, as that of another process of the tree, the kernel answers with a reset and the restore fails. The table that
// a dump with --stop leaves holds them back too (network_lock.hpp), on its host, until that restarts.
//
// Tables of nftables that have an owner (NFT_TABLE_F_OWNER, Linux 5.12): the kernel removes them with this socket, so
// nothing is left of a cedana that is killed.
#pragma once

#include "cedana/base/netlink.hpp"
#include "cedana/criu/file_table.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

class ConnectionHold {
  public:
    // In the network namespace of this thread, packets to both sides, but for those that CRIU sends itself, by their
    // mark (soccr/soccr.h). Where the kernel has no such tables nothing is held back, and nothing is said of it.
    explicit ConnectionHold(const std::vector<criu::DumpedInet>& connections);
    ConnectionHold(const ConnectionHold&) = delete;
    ConnectionHold& operator=(const ConnectionHold&) = delete;
    ~ConnectionHold();

    [[nodiscard]] bool holds() const noexcept { return socket_.has_value(); }
    // What was held back is lost, and TCP sends it again.
    void release() noexcept;

  private:
    void hold(std::uint8_t family, const std::vector<std::string>& keys);

    std::string table_;
    std::optional<NetlinkSocket> socket_;
    std::vector<std::uint8_t> families_;
};

} // namespace cedana
