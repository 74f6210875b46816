// SPDX-License-Identifier: Apache-2.0
// The memory in which a dump runs ahead of compression, in pieces of k_frame_size. It is touched before anything is
// frozen: most of the cost of copying a page out of a pipe is the fault of the page that it is copied to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace cedana {

class FramePool {
  public:
    // Address space for `bound` bytes (at least 16 frames); the first `touched` bytes of it are made resident now, with
    // huge pages where the kernel gives them. Throws Error(Fault::environment) when there is no room.
    FramePool(std::uint64_t bound, std::uint64_t touched);
    FramePool(const FramePool&) = delete;
    FramePool& operator=(const FramePool&) = delete;
    ~FramePool();

    // Before the first take(): gives up frames that were not touched, but for `bytes` of them (and sixteen frames in
    // all).
    void bound_untouched(std::uint64_t bytes);

    // A frame of k_frame_size bytes with any content; null when none is left. From any thread, as give_back().
    [[nodiscard]] std::byte* take();
    void give_back(std::byte* frame);

    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::size_t free_frames() const;

  private:
    void touch(std::uint64_t bytes);

    std::size_t reserved_;
    std::size_t touched_ = 0;
    std::size_t capacity_;
    std::byte* memory_ = nullptr;
    mutable std::mutex mutex_;
    // Used as a stack: touched frames lie on top and are used again first.
    std::vector<std::byte*> free_;
};

} // namespace cedana
