// SPDX-License-Identifier: Apache-2.0
// Talking to the services that the tests start on this host.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <cstdint>
#include <string>

namespace cedana::testing {

// One that nobody listens on now.
[[nodiscard]] std::uint16_t free_port();

// Connects to the port, sends the request and returns all that comes back until the service closes the connection.
// Throws Error when it cannot connect, or when the answer takes long.
[[nodiscard]] std::string ask(std::uint16_t port, const std::string& request);
// The response to GET with its head.
[[nodiscard]] std::string http_get(std::uint16_t port, const std::string& path);

// One that stays open. Throws Error as above.
class Connection {
  public:
    explicit Connection(std::uint16_t port);

    void send(const std::string& text) const;
    // All that came, up to and with `end`.
    [[nodiscard]] std::string receive_until(const std::string& end) const;

  private:
    std::uint16_t port_;
    UniqueFd fd_;
};

} // namespace cedana::testing
