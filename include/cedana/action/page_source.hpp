// SPDX-License-Identifier: Apache-2.0
// The source of a lazy migration: what of a checkpoint goes over before the restore, and the pages, which go as the
// other end asks for them.
#pragma once

#include "cedana/archive/byte_range.hpp"
#include "cedana/base/event_fd.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/migration/connection.hpp"
#include "cedana/migration/frame_queue.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <thread>
#include <vector>

namespace cedana {

class PageSource {
  public:
    // Of a checkpoint that this host has just made, and that `keyring` opens; it may get another name. Throws Error.
    PageSource(migration::Connection& there, const std::filesystem::path& checkpoint, const Keyring& keyring);
    PageSource(const PageSource&) = delete;
    PageSource& operator=(const PageSource&) = delete;
    ~PageSource();

    // Calls `send` with all but the pages that can wait, and what was sent already.
    void send_ahead(const std::vector<ByteRange>& sent,
                    const std::function<void(std::uint64_t offset, std::span<const std::byte> bytes)>& send) const;
    // A thread of this receives all frames from now on: it answers those that want pages, the others wait for next().
    void start();
    // As Connection::receive(); the limit counts from when pages were wanted last.
    [[nodiscard]] migration::Frame next(std::chrono::milliseconds limit, const Interrupt& interrupt,
                                        const std::function<void()>& tick = {}) {
        return frames_.next(limit, interrupt, tick);
    }
    // Of the pages that can wait: how many bytes there are, and how many have gone.
    [[nodiscard]] std::uint64_t bytes_total() const noexcept { return total_; }
    [[nodiscard]] std::uint64_t bytes_gone() const noexcept { return gone_; }

  private:
    void serve() noexcept;
    void serve_one();
    void take_last_words() noexcept;

    migration::Connection& there_;
    std::filesystem::path path_;
    UniqueFd file_;
    std::uint64_t size_ = 0;
    std::vector<ByteRange> waiting_;
    std::uint64_t total_ = 0;
    std::atomic<std::uint64_t> gone_ = 0;
    migration::FrameQueue frames_;
    EventFd end_;
    std::atomic<bool> must_end_ = false;
    std::thread thread_;
};

} // namespace cedana
