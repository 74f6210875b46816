// SPDX-License-Identifier: Apache-2.0
// One end of a migration: frames over two descriptors. Nothing that the other end does, or does not do, makes it wait
// longer than it was told to.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/migration/frame.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cedana::migration {

class Connection {
  public:
    // `in`, `out`: pipes or sockets, which are made non-blocking. `peer`: for messages, "the host beta".
    Connection(Side self, UniqueFd in, UniqueFd out, std::string peer);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // All of them throw Error(Fault::connection) when the other end is gone, when nothing was taken or came within
    // the limit, and for what has no place (frame.hpp).

    // From any thread. A signal ends the wait as that of receive(). After that, and where a part of it went, all that
    // is sent later fails with the same: the other end would take what follows for the rest of it.
    void send(FrameType type, std::string_view payload = {}, std::span<const std::byte> more = {},
              const Interrupt& interrupt = Interrupt::none());
    // Waits for as long; a signal ends the wait with Error(Fault::interrupted). For one thread.
    [[nodiscard]] Frame receive(std::chrono::milliseconds limit, const Interrupt& interrupt);

    // Whether there is something to receive within the limit, or the other end is gone; not as soon as `stop` is
    // readable.
    [[nodiscard]] bool is_ready_within(std::chrono::milliseconds limit, int stop) const;

    // Whether the other end will send no more, though some may still be unread, or goes within the limit; not as soon
    // as `stop` is readable.
    [[nodiscard]] bool hangs_up_within(std::chrono::milliseconds limit, int stop) const;

    // The other end reads its end. Nothing can be sent any more.
    void close() noexcept;
    [[nodiscard]] Stage stage() const;
    // It was seen that the other end is gone.
    [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
    [[nodiscard]] const std::string& peer() const noexcept { return peer_; }
    // All that was sent.
    [[nodiscard]] std::uint64_t bytes_sent() const noexcept { return sent_; }

    // In which nothing of what is sent is taken.
    static constexpr std::chrono::seconds k_send_limit{30};

  private:
    void write(std::span<const std::byte> bytes, const Interrupt& interrupt);
    [[nodiscard]] std::string rest_of_line() const;
    void read(std::span<std::byte> bytes, std::chrono::steady_clock::time_point until, const Interrupt& interrupt);

    Side self_;
    UniqueFd in_;
    UniqueFd out_;
    std::string peer_;
    // Of out_, failure_ and stage_.
    mutable std::mutex mutex_;
    std::optional<Error> failure_;
    Stage stage_ = Stage::opened;
    std::atomic<std::uint64_t> sent_ = 0;
    std::atomic<bool> has_ended_ = false;
};

} // namespace cedana::migration
