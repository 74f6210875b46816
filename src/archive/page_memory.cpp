// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/page_memory.hpp"

#include "cedana/base/error.hpp"

#include <cstdint>
#include <utility>

#include <sys/mman.h>

namespace cedana {

namespace {

std::byte* map(std::size_t size) {
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw OsFailure(Fault::environment).error("cannot get {} bytes of memory", size);
    return static_cast<std::byte*>(memory);
}

void unmap(std::byte* start, std::size_t size) {
    if (size != 0)
        ::munmap(start, size);
}

} // namespace

PageMemory::PageMemory(std::size_t size) : size_(size) {
    if (size != 0)
        start_ = map(size);
}

std::array<PageMemory, 2> PageMemory::halves_of_huge_page() {
    constexpr std::size_t k_huge_page = 2UL * 1024 * 1024;
    // Not every kernel aligns it by itself.
    std::byte* const whole = map(2 * k_huge_page);
    const std::size_t before = (k_huge_page - reinterpret_cast<std::uintptr_t>(whole) % k_huge_page) % k_huge_page;
    std::byte* const start = whole + before;
    unmap(whole, before);
    unmap(start + k_huge_page, k_huge_page - before);
    ::madvise(start, k_huge_page, MADV_HUGEPAGE);
    // From Linux 5.14 on; else each page comes as it is written to.
    ::madvise(start, k_huge_page, MADV_POPULATE_WRITE);
    return {PageMemory(start, k_huge_page / 2), PageMemory(start + k_huge_page / 2, k_huge_page / 2)};
}

PageMemory::PageMemory(PageMemory&& other) noexcept
    : start_(std::exchange(other.start_, nullptr)), size_(std::exchange(other.size_, 0)) {}

PageMemory& PageMemory::operator=(PageMemory&& other) noexcept {
    std::swap(start_, other.start_);
    std::swap(size_, other.size_);
    return *this;
}

PageMemory::~PageMemory() {
    if (start_ != nullptr)
        ::munmap(start_, size_);
}

} // namespace cedana
