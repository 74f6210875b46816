// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_stream.hpp"

namespace cedana {

FrameStream::FrameStream(const ImageRecord& image, const std::vector<ByteRange>* wanted)
    : record(&image), parts(wanted) {
    if (parts == nullptr) {
        for (std::size_t frame = 0; frame < image.frames.size(); ++frame)
            frames.push_back(frame);
        return;
    }
    for (const ByteRange& part : *parts)
        for (std::size_t frame = part.from / k_frame_size; frame * k_frame_size < part.to; ++frame)
            if (frames.empty() || frames.back() < frame)
                frames.push_back(frame);
}

} // namespace cedana
