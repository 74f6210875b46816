// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_pool.hpp"

#include "cedana/archive/codec.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/parallel.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>

#include <sys/mman.h>

namespace cedana {

namespace {

constexpr std::size_t k_fewest_frames = 16;

void touch_range(std::byte* from, std::byte* to) {
    constexpr std::size_t k_page = 4096;
    if (from >= to || ::madvise(from, static_cast<std::size_t>(to - from), MADV_POPULATE_WRITE) == 0)
        return;
    // Before Linux 5.14 (madvise(2)), or not enough memory: write a byte a page.
    for (std::byte* page = from; page < to; page += k_page)
        *const_cast<volatile std::byte*>(page) = std::byte{0};
}

} // namespace

FramePool::FramePool(std::uint64_t bound, std::uint64_t touched)
    : reserved_(std::max<std::size_t>(bound / k_frame_size, k_fewest_frames)), capacity_(reserved_) {
    void* memory = ::mmap(nullptr, reserved_ * k_frame_size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        throw OsFailure(Fault::environment)
            .error("cannot reserve {} of memory", human_bytes(bound))
            .hint("set archive.buffer_mib to less");
    memory_ = static_cast<std::byte*>(memory);
    ::madvise(memory_, reserved_ * k_frame_size, MADV_HUGEPAGE);
    free_.reserve(capacity_);
    for (std::size_t i = capacity_; i > 0; --i)
        free_.push_back(memory_ + (i - 1) * k_frame_size);
    touch(touched);
}

FramePool::~FramePool() { ::munmap(memory_, reserved_ * k_frame_size); }

void FramePool::bound_untouched(std::uint64_t bytes) {
    const std::size_t wanted = std::max<std::size_t>(touched_ + bytes / k_frame_size, k_fewest_frames);
    if (wanted >= capacity_)
        return;
    // The stack's bottom: the frames that would have been taken last.
    free_.erase(free_.begin(), free_.begin() + static_cast<std::ptrdiff_t>(capacity_ - wanted));
    capacity_ = wanted;
}

void FramePool::touch(std::uint64_t bytes) {
    touched_ = std::min<std::size_t>((bytes + k_frame_size - 1) / k_frame_size, capacity_);
    const std::array<std::size_t, 3> bounds = {0, touched_ / 2, touched_};
    parallel(2, 2, [&](std::size_t half, const auto&) {
        touch_range(memory_ + bounds.at(half) * k_frame_size, memory_ + bounds.at(half + 1) * k_frame_size);
    });
}

std::byte* FramePool::take() {
    const std::scoped_lock lock(mutex_);
    if (free_.empty())
        return nullptr;
    std::byte* frame = free_.back();
    free_.pop_back();
    return frame;
}

void FramePool::give_back(std::byte* frame) {
    const std::scoped_lock lock(mutex_);
    free_.push_back(frame);
}

std::size_t FramePool::free_frames() const {
    const std::scoped_lock lock(mutex_);
    return free_.size();
}

} // namespace cedana
