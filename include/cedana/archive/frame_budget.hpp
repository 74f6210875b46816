// SPDX-License-Identifier: Apache-2.0
// How many frames an ImageReader holds, and memory of whole frames that is used again. Not for several threads:
// ImageReader guards it.
#pragma once

#include "cedana/archive/page_memory.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cedana {

class FrameBudget {
  public:
    // `buffer`: bytes for frames that are decoded ahead.
    explicit FrameBudget(std::uint64_t buffer);

    [[nodiscard]] bool is_spent() const { return held_ >= most_; }
    [[nodiscard]] bool is_half_spent() const { return held_ >= most_ / 2; }

    // Memory for a frame of `size` bytes, which is held from now on; empty if it is to be made anew.
    [[nodiscard]] PageMemory hold(std::size_t size);
    // A frame is held no more. Its memory is used again only if it is given back: somebody may still refer to it.
    void let_go() { --held_; }
    void give_back(PageMemory memory);
    // Memory that was made for a frame, and is not held.
    void spare(PageMemory memory);

  private:
    std::size_t most_;
    std::size_t held_ = 0;
    std::vector<PageMemory> spare_;
};

} // namespace cedana
