// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/page_memory.hpp"

#include "cedana/base/error.hpp"

#include <utility>

#include <sys/mman.h>

namespace cedana {

PageMemory::PageMemory(std::size_t size) : size_(size) {
    if (size == 0)
        return;
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw OsFailure(Fault::environment).error("cannot get {} bytes of memory", size);
    start_ = static_cast<std::byte*>(memory);
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
