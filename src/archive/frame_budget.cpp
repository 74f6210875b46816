// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_budget.hpp"

#include "cedana/archive/codec.hpp"

#include <utility>

namespace cedana {

FrameBudget::FrameBudget(std::uint64_t buffer) : most_(buffer / k_frame_size) {}

PageMemory FrameBudget::hold(std::size_t size) {
    ++held_;
    if (spare_.empty() || size != k_frame_size)
        return {};
    PageMemory memory = std::move(spare_.back());
    spare_.pop_back();
    return memory;
}

void FrameBudget::give_back(PageMemory memory) {
    let_go();
    spare(std::move(memory));
}

void FrameBudget::spare(PageMemory memory) {
    constexpr std::size_t k_most_spare = 16;
    if (spare_.size() < k_most_spare && memory.bytes().size() == k_frame_size)
        spare_.push_back(std::move(memory));
}

} // namespace cedana
