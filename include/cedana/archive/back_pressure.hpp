// SPDX-License-Identifier: Apache-2.0
// Who waits for whom when the memory of a dump runs short: the capture for space, the writer for input. When both wait,
// the capture is given the memory that is kept beside the pool for this case. Not for several threads: ImageWriter
// guards it.
#pragma once

#include "cedana/archive/captured_image.hpp"
#include "cedana/archive/frame_supply.hpp"
#include "cedana/archive/image_queue.hpp"
#include "cedana/base/event_fd.hpp"

namespace cedana {

class BackPressure {
  public:
    // Must outlive this.
    explicit BackPressure(ImageQueue& queue) : queue_(queue) {}

    // Readable when the capture is to ask for space again.
    [[nodiscard]] int space_ready() const { return space_ready_.fd(); }
    // The capture found no space.
    void capture_waits() { capture_waits_ = true; }
    // There may be space: wakes the capture if it waits.
    void wake_capture();
    // Wakes it in any case.
    void wake_capture_always() const { space_ready_.set(); }

    // The writer waits for a piece of the image; null: for images.
    void writer_waits(const CapturedImage* image);
    void writer_goes_on();

    // How much of the memory beside the pool a frame of the image may be given.
    [[nodiscard]] Overdraft overdraft_for(const CapturedImage& image);
    // The capture waits for space, and nothing can free any.
    [[nodiscard]] bool is_stuck() { return capture_waits_ && needs_input(); }

  private:
    [[nodiscard]] bool needs_input();

    ImageQueue& queue_;
    EventFd space_ready_;
    bool capture_waits_ = false;
    bool writer_waits_ = false;
    const CapturedImage* wanted_ = nullptr;
};

} // namespace cedana
