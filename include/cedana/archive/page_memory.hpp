// SPDX-License-Identifier: Apache-2.0
// Whole pages of memory of one's own. What a pipe refers to (vmsplice(2)) outlives them: unmapping takes the pages from
// this process and leaves them to the pipe, whereas memory that goes back to malloc would be written to again.
#pragma once

#include <cstddef>
#include <span>

namespace cedana {

class PageMemory {
  public:
    PageMemory() = default;
    // At least `size` bytes of zeros. Throws Error(Fault::environment) when there is no room.
    explicit PageMemory(std::size_t size);
    PageMemory(PageMemory&& other) noexcept;
    PageMemory& operator=(PageMemory&& other) noexcept;
    ~PageMemory();

    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {start_, size_}; }

  private:
    std::byte* start_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace cedana
