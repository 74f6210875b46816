// SPDX-License-Identifier: Apache-2.0
// The images that are being read, by number, and which of them is decoded for next. Not for several threads:
// ImageReader guards it.
#pragma once

#include "cedana/archive/frame_stream.hpp"

#include <map>

namespace cedana {

class OpenStreams {
  public:
    // The number of it.
    int add(SharedStream stream);
    [[nodiscard]] FrameStream& at(int number) { return *streams_.at(number); }
    // It is closed from now on.
    [[nodiscard]] SharedStream remove(int number);

    // One that wants a frame and holds none that is still to be passed; null if there is none.
    [[nodiscard]] SharedStream find_without_frame() const;
    // The next that wants a frame, all in turn; null if there is none.
    [[nodiscard]] SharedStream next() { return next_in_turn(streams_, turn_); }
    // Whether there is one.
    [[nodiscard]] bool has_next() const { return any_wants_more(streams_); }

  private:
    std::map<int, SharedStream> streams_;
    int last_number_ = 0;
    // The number of the stream whose turn was last.
    int turn_ = 0;
};

} // namespace cedana
