// SPDX-License-Identifier: Apache-2.0
#include "cedana/migration/frame_queue.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <poll.h>

namespace cedana::migration {

namespace {

using Clock = std::chrono::steady_clock;

} // namespace

void FrameQueue::push(Frame frame) {
    const std::lock_guard lock(mutex_);
    frames_.push_back(std::move(frame));
    last_ = Clock::now();
    news_.set();
}

void FrameQueue::stirred() {
    const std::lock_guard lock(mutex_);
    last_ = Clock::now();
}

void FrameQueue::fail(const Error& why) {
    const std::lock_guard lock(mutex_);
    if (!failure_)
        failure_ = why;
    news_.set();
}

std::optional<Error> FrameQueue::failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
}

std::optional<Frame> FrameQueue::take() {
    const std::lock_guard lock(mutex_);
    news_.clear();
    if (frames_.empty() && failure_)
        throw Error(*failure_);
    if (frames_.empty())
        return std::nullopt;
    Frame frame = std::move(frames_.front());
    frames_.pop_front();
    return frame;
}

Frame FrameQueue::next(std::chrono::milliseconds limit, const Interrupt& interrupt, const std::function<void()>& tick) {
    constexpr auto k_look_every = std::chrono::milliseconds(250);
    const auto begun = Clock::now();
    while (true) {
        if (auto frame = take())
            return std::move(*frame);
        std::array<pollfd, 2> set = {{{news_.fd(), POLLIN, 0}, {interrupt.fd(), POLLIN, 0}}};
        ::poll(set.data(), set.size(),
               static_cast<int>(std::min<std::chrono::milliseconds>(limit, k_look_every).count()));
        interrupt.throw_if_pending();
        if (tick)
            tick();
        const std::lock_guard lock(mutex_);
        if (frames_.empty() && !failure_ && Clock::now() - std::max(begun, last_) >= limit)
            throw Error(Fault::connection,
                        fmt::format("the connection with {} is lost: it has said nothing for too long", peer_));
    }
}

} // namespace cedana::migration
