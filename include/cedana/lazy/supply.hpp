// SPDX-License-Identifier: Apache-2.0
// A checkpoint whose file is not whole yet: the page server asks for what it lacks over a socket, and whoever brings
// the file answers once that is there. When it is gone the server fails, and with it the tree ends (lazy/keeper.hpp).
#pragma once

#include "cedana/archive/byte_range.hpp"
#include "cedana/archive/byte_ranges.hpp"
#include "cedana/base/event_fd.hpp"
#include "cedana/base/unique_fd.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace cedana {

// Of one thread of the server.
class Supply {
  public:
    // Throws Error where nobody listens.
    explicit Supply(const std::filesystem::path& socket);
    // Returns once these bytes are in the file. Throws Error(Fault::connection) when they will never be.
    void await(ByteRange bytes) const;

  private:
    UniqueFd socket_;
};

// Of whoever brings the file.
class SupplyDesk {
  public:
    // Called by the desk's own thread with bytes that somebody waits for, and that have not been asked for. Must not
    // throw.
    using Ask = std::function<void(ByteRange bytes)>;

    // Listens at `socket`, and takes it away in the end. Throws Error.
    SupplyDesk(std::filesystem::path socket, Ask ask);
    SupplyDesk(const SupplyDesk&) = delete;
    SupplyDesk& operator=(const SupplyDesk&) = delete;
    // As fail().
    ~SupplyDesk();

    // These are in the file. Any thread.
    void came(ByteRange bytes);
    // Nothing comes any more: whoever waits, or will, fails. Any thread.
    void fail();

  private:
    struct Client {
        UniqueFd socket;
        // Empty: it waits for nothing.
        ByteRange waits_for = {};
    };

    void run() noexcept;
    void accept();
    // False once it is gone.
    [[nodiscard]] bool read_from(Client& client);
    void answer();
    [[nodiscard]] bool is_there(ByteRange bytes) const;

    std::filesystem::path path_;
    Ask ask_;
    UniqueFd listener_;
    EventFd news_;
    std::vector<Client> clients_;
    std::atomic<bool> has_failed_ = false;
    // Guards what has come.
    mutable std::mutex mutex_;
    ByteRanges there_;
    // Ends before the rest.
    std::thread thread_;
};

} // namespace cedana
