// SPDX-License-Identifier: Apache-2.0
// Where the memory of captured frames comes from and goes back to: the pool; a few frames beside it, for when the pool
// is full of what cannot be written before more comes in; and pages for compressed frames, which are used again and
// again, since memory is cheap only once it was touched. Not for several threads: ImageWriter guards it.
#pragma once

#include "cedana/archive/captured_image.hpp"
#include "cedana/archive/frame_pool.hpp"
#include "cedana/archive/page_memory.hpp"

#include <cstddef>
#include <vector>

namespace cedana {

// How much of the memory beside the pool a frame may be given: the last of it is for the image that is being written,
// so that it always goes on.
enum class Overdraft { none, some, all };

class FrameSupply {
  public:
    // Must outlive this.
    explicit FrameSupply(FramePool& pool) : pool_(pool) {}

    [[nodiscard]] bool is_short() const { return pool_.free_frames() < pool_.capacity() / 8; }
    // A whole frame for what `frame` holds and more. False when there is no memory now.
    [[nodiscard]] bool give(CapturedFrame& frame, Overdraft overdraft);
    void release(CapturedFrame& frame);
    // Gives memory back that the end of an image does not need: a frame of the pool is worth more than a copy of
    // little.
    void trim(CapturedFrame& frame);

    // Memory for a frame once it is compressed.
    [[nodiscard]] PageMemory output();
    void recycle(PageMemory output);

  private:
    FramePool& pool_;
    std::size_t overdraft_ = 0;
    std::vector<PageMemory> outputs_;
};

} // namespace cedana
