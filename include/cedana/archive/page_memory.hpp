// SPDX-License-Identifier: Apache-2.0
// Whole pages of memory of one's own. What a pipe refers to (vmsplice(2)) outlives them: unmapping takes the pages from
// this process and leaves them to the pipe, whereas memory that goes back to malloc would be written to again.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace cedana {

class PageMemory {
  public:
    PageMemory() = default;
    // At least `size` bytes of zeros. Throws Error(Fault::environment) when there is no room.
    explicit PageMemory(std::size_t size);
    // Two of half a huge page (2 MiB) each. All of it is there already: as one page, where the kernel has such, it
    // takes a fifth of the time that small ones take. Throws as the other.
    [[nodiscard]] static std::array<PageMemory, 2> halves_of_huge_page();
    PageMemory(PageMemory&& other) noexcept;
    PageMemory& operator=(PageMemory&& other) noexcept;
    ~PageMemory();

    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {start_, size_}; }

  private:
    PageMemory(std::byte* start, std::size_t size) : start_(start), size_(size) {}

    std::byte* start_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace cedana
