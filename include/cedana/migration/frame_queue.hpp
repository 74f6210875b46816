// SPDX-License-Identifier: Apache-2.0
// Frames that a thread receives for another one, which waits for those that it has to do with: of a lazy migration both
// ends have pages go over beside all else.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/event_fd.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/migration/frame.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace cedana::migration {

class FrameQueue {
  public:
    // `peer`: for messages.
    explicit FrameQueue(std::string peer) : peer_(std::move(peer)) {}

    // Of the thread that receives. stirred(): the other end is at work, though it has said nothing for the queue.
    void push(Frame frame);
    void stirred();
    void fail(const Error& why);
    // Why it has failed, if it has.
    [[nodiscard]] std::optional<Error> failure() const;

    // As Connection::receive(); the limit counts from when the other end stirred last. `tick` is called now and then.
    // Throws what it has failed with once all frames of before were taken.
    [[nodiscard]] Frame next(std::chrono::milliseconds limit, const Interrupt& interrupt,
                             const std::function<void()>& tick = {});

  private:
    [[nodiscard]] std::optional<Frame> take();

    std::string peer_;
    EventFd news_;
    mutable std::mutex mutex_;
    std::deque<Frame> frames_;
    std::optional<Error> failure_;
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

} // namespace cedana::migration
