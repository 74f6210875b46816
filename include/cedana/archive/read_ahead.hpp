// SPDX-License-Identifier: Apache-2.0
// Images that will be asked for (the pages), and of which frames are decoded before they are. The first frame of every
// image comes before the second of any. Not for several threads: ImageReader guards it.
#pragma once

#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/frame_stream.hpp"

#include <functional>
#include <map>
#include <set>
#include <string_view>

namespace cedana {

class ReadAhead {
  public:
    using MakeStream = std::function<SharedStream(const ImageRecord&)>;

    // Does nothing before start(). The index must outlive this.
    ReadAhead(const FrameIndex& index, MakeStream make_stream)
        : index_(index), make_stream_(std::move(make_stream)), next_(index_.images.end()) {}

    void start() { next_ = index_.images.begin(); }
    // The image is opened: what was read of it so far, or else a new stream. It is not read ahead any more.
    [[nodiscard]] SharedStream take(const ImageRecord& record);
    // The next that wants a frame, all in turn; null if there is none.
    [[nodiscard]] SharedStream next();
    // Whether there is one.
    [[nodiscard]] bool has_next();

  private:
    void skip_others();

    const FrameIndex& index_;
    MakeStream make_stream_;
    // The next image to begin with.
    std::set<ImageRecord, ByName>::const_iterator next_;
    // Begun and not open yet, by name.
    std::map<std::string_view, SharedStream> streams_;
    // The name of the image whose turn was last.
    std::string_view turn_;
    // Opened before they were begun.
    std::set<std::string_view> opened_;
};

} // namespace cedana
