// SPDX-License-Identifier: Apache-2.0
// The memory in which a dump runs ahead of compression, in pieces of k_frame_size. It is touched before anything is
// frozen: most of the cost of copying a page out of a pipe is the fault of the page that it is copied to. Threads do
// that beside whatever else is done until then, and no longer than it saves.
#pragma once

#include "cedana/base/event_fd.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace cedana {

class FramePool {
  public:
    // Address space for `bound` bytes (at least 16 frames). The first `touched` bytes of it are being made resident
    // from now on; with huge pages, where the kernel gives them, unless they are few. Throws Error(Fault::environment)
    // when there is no room.
    FramePool(std::uint64_t bound, std::uint64_t touched);
    FramePool(const FramePool&) = delete;
    FramePool& operator=(const FramePool&) = delete;
    ~FramePool();

    // Readable once all that was to be touched is, or when to go on with that would cost more than it saves. Frames can
    // be taken before.
    [[nodiscard]] int touched() const noexcept { return touched_event_.fd(); }
    // Whether there is anything to wait for.
    [[nodiscard]] bool is_worth_waiting() const noexcept;

    // Gives up frames that were not to be touched, but for `bytes` of them (and sixteen frames in all). Those that have
    // been taken stay.
    void bound_untouched(std::uint64_t bytes);

    // A frame of k_frame_size bytes with any content; null when none is left. From any thread, as give_back().
    [[nodiscard]] std::byte* take();
    void give_back(std::byte* frame);

    [[nodiscard]] std::size_t capacity() const;
    [[nodiscard]] std::size_t free_frames() const;

  private:
    using Clock = std::chrono::steady_clock;

    void start_touching(std::uint64_t bytes);
    void touch_pieces(Clock::time_point deadline);
    void stop_touching() noexcept;

    std::size_t reserved_;
    std::size_t to_touch_ = 0;
    std::size_t capacity_;
    std::byte* memory_ = nullptr;
    mutable std::mutex mutex_;
    // Used as a stack: touched frames lie on top and are used again first.
    std::vector<std::byte*> free_;

    EventFd touched_event_;
    // The next frame that a thread takes on.
    std::atomic<std::size_t> next_ = 0;
    std::atomic<unsigned> touching_ = 0;
    std::vector<std::thread> threads_;
};

} // namespace cedana
