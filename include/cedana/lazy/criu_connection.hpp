// SPDX-License-Identifier: Apache-2.0
// The keeper's side of CRIU's connection: takes it, passes it on to the server, and keeps its own copy, so that what
// the server has not read is not lost with it.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/lazy/handover.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace cedana::criu {

class CriuConnection {
  public:
    // Where CRIU connects to.
    explicit CriuConnection(UniqueFd listener) : listener_(std::move(listener)) {}

    // Readable when CRIU connects or refuse() was called; -1 once pass_on() was called.
    [[nodiscard]] int listener() const noexcept { return listener_.get(); }
    // Makes the socket over which pass_on() sends the connection, and returns the server's end. Throws Error.
    [[nodiscard]] UniqueFd make_server_end();
    // Accepts the connection and passes it on; if none comes, the server finds that out. Throws Error.
    void pass_on();
    // CRIU cannot connect any more, if it has not yet.
    void refuse() const;
    // The server has read all that CRIU says.
    void close() { connection_.reset(); }
    // The tasks that CRIU has handed over and nobody has read: CRIU waits for no answer, so the tree may run already.
    // CRIU can say no more after this. Reads as far as it can.
    [[nodiscard]] std::vector<LazyHandover::Task> take_unread();

  private:
    // Until CRIU has connected.
    UniqueFd listener_;
    UniqueFd server_;
    std::optional<LazyHandover> connection_;
};

} // namespace cedana::criu
