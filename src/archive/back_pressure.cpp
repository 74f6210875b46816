// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/back_pressure.hpp"

#include <utility>

namespace cedana {

void BackPressure::wake_capture() {
    if (std::exchange(capture_waits_, false))
        space_ready_.set();
}

void BackPressure::writer_waits(const CapturedImage* image) {
    writer_waits_ = true;
    wanted_ = image;
    if (needs_input())
        wake_capture();
}

void BackPressure::writer_goes_on() {
    writer_waits_ = false;
    wanted_ = nullptr;
}

Overdraft BackPressure::overdraft_for(const CapturedImage& image) {
    if (!needs_input())
        return Overdraft::none;
    return &image == wanted_ ? Overdraft::all : Overdraft::some;
}

// Nothing that is in memory can be written before more comes in.
bool BackPressure::needs_input() {
    return writer_waits_ && !queue_.has_backlog() && queue_.next_to_encode() == nullptr;
}

} // namespace cedana
