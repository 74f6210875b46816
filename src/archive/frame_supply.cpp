// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_supply.hpp"

#include <algorithm>
#include <utility>

namespace cedana {

namespace {

constexpr std::size_t k_overdraft = 16;
constexpr std::size_t k_reserved = 2;

std::size_t most_overdrawn(Overdraft overdraft) {
    return overdraft == Overdraft::none ? 0 : overdraft == Overdraft::some ? k_overdraft - k_reserved : k_overdraft;
}

} // namespace

bool FrameSupply::give(CapturedFrame& frame, Overdraft overdraft) {
    if (std::byte* const memory = pool_.take()) {
        std::ranges::copy(frame.data(), memory);
        frame.own = {};
        frame.pooled = memory;
        return true;
    }
    if (overdraft_ >= most_overdrawn(overdraft))
        return false;
    ++overdraft_;
    frame.own.resize(k_frame_size);
    frame.overdrawn = true;
    return true;
}

void FrameSupply::release(CapturedFrame& frame) {
    if (frame.pooled != nullptr)
        pool_.give_back(std::exchange(frame.pooled, nullptr));
    else if (std::exchange(frame.overdrawn, false))
        --overdraft_;
    frame.own = {};
    frame.pieces = {};
}

void FrameSupply::trim(CapturedFrame& frame) {
    if (frame.size > k_small_image || !frame.pieces.empty())
        return;
    std::vector<std::byte> copy(frame.data().begin(), frame.data().end());
    release(frame);
    frame.own = std::move(copy);
}

PageMemory FrameSupply::output() {
    if (outputs_.empty())
        return PageMemory(compressed_bound(k_frame_size) + k_seal_size);
    PageMemory output = std::move(outputs_.back());
    outputs_.pop_back();
    return output;
}

void FrameSupply::recycle(PageMemory output) {
    if (!output.bytes().empty())
        outputs_.push_back(std::move(output));
}

} // namespace cedana
