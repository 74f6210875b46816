// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_pool.hpp"

#include "cedana/archive/codec.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <system_error>

#include <sys/mman.h>

namespace cedana {

namespace {

constexpr std::size_t k_fewest_frames = 16;
// Below that one thread is done before another is there.
constexpr std::size_t k_many_frames = 32;
// Below that huge pages are mostly zeroed for nothing; from there on they take half the time.
constexpr std::size_t k_huge_frames = 8;
// Less than CRIU needs to come to the freeze.
constexpr std::size_t k_few_frames = 2;
// What a thread takes on at a time: nobody who maps memory waits for longer than that takes.
constexpr std::size_t k_piece = 8;

void touch_range(std::byte* from, std::byte* to) {
    constexpr std::size_t k_page = 4096;
    if (from >= to || ::madvise(from, static_cast<std::size_t>(to - from), MADV_POPULATE_WRITE) == 0)
        return;
    // Before Linux 5.14 (madvise(2)), or not enough memory: write a byte a page. Somebody may have filled it already.
    for (std::byte* page = from; page < to; page += k_page)
        std::atomic_ref(*reinterpret_cast<unsigned char*>(page)).fetch_or(0, std::memory_order_relaxed);
}

// What is not touched now costs its fault while the tree stands still. On a quiet host a MiB takes 0.1 ms, and 1 ms
// where the memory of a virtual machine must be backed first; much longer it takes only where memory is short, and then
// it would be taken from somebody.
std::chrono::milliseconds longest_touch(std::size_t frames) {
    constexpr auto k_start = std::chrono::milliseconds(50);
    constexpr auto k_frame = std::chrono::milliseconds(4);
    return k_start + frames * k_frame;
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
    // No child has a use for it, and after a fork each page of it would cost a fault once more.
    ::madvise(memory_, reserved_ * k_frame_size, MADV_DONTFORK);
    free_.reserve(capacity_);
    for (std::size_t i = capacity_; i > 0; --i)
        free_.push_back(memory_ + (i - 1) * k_frame_size);
    start_touching(touched);
}

FramePool::~FramePool() {
    stop_touching();
    ::munmap(memory_, reserved_ * k_frame_size);
}

bool FramePool::is_worth_waiting() const noexcept { return to_touch_ >= k_many_frames; }

void FramePool::bound_untouched(std::uint64_t bytes) {
    const std::scoped_lock lock(mutex_);
    const std::size_t wanted = std::max<std::size_t>(to_touch_ + bytes / k_frame_size, k_fewest_frames);
    if (wanted >= capacity_)
        return;
    // The stack's bottom: the frames that would be taken last.
    const std::size_t given_up = std::min(capacity_ - wanted, free_.size());
    free_.erase(free_.begin(), free_.begin() + static_cast<std::ptrdiff_t>(given_up));
    capacity_ -= given_up;
}

void FramePool::start_touching(std::uint64_t bytes) {
    to_touch_ = std::min<std::size_t>((bytes + k_frame_size - 1) / k_frame_size, capacity_);
    const bool are_many = to_touch_ >= k_many_frames;
    const std::size_t as_planned = to_touch_ >= k_huge_frames ? to_touch_ : 0;
    const std::size_t huge = are_many ? reserved_ : as_planned;
    if (huge > 0)
        ::madvise(memory_, huge * k_frame_size, MADV_HUGEPAGE);
    if (huge < reserved_)
        ::madvise(memory_ + huge * k_frame_size, (reserved_ - huge) * k_frame_size, MADV_NOHUGEPAGE);
    if (to_touch_ <= k_few_frames)
        return touched_event_.set();
    const auto deadline = Clock::now() + longest_touch(to_touch_);
    touching_ = are_many ? 2 : 1;
    const unsigned threads = touching_;
    for (unsigned i = 0; i < threads; ++i) {
        try {
            threads_.emplace_back([this, deadline] { touch_pieces(deadline); });
        } catch (const std::system_error&) {
            // It is touched when it is used, then.
            if (touching_.fetch_sub(1) == 1)
                touched_event_.set();
        }
    }
}

void FramePool::touch_pieces(Clock::time_point deadline) {
    for (std::size_t first = next_.fetch_add(k_piece); first < to_touch_; first = next_.fetch_add(k_piece)) {
        touch_range(memory_ + first * k_frame_size, memory_ + std::min(first + k_piece, to_touch_) * k_frame_size);
        if (Clock::now() >= deadline)
            break;
    }
    if (touching_.fetch_sub(1) == 1)
        touched_event_.set();
}

void FramePool::stop_touching() noexcept {
    next_ = reserved_;
    for (std::thread& thread : threads_)
        thread.join();
}

std::size_t FramePool::capacity() const {
    const std::scoped_lock lock(mutex_);
    return capacity_;
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
