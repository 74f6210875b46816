// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_stream.hpp"

#include "cedana/base/error.hpp"

#include <utility>

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

std::span<const std::byte> FrameStream::ready() const {
    const auto slot = slots.find(current);
    if (slot == slots.end() || !slot->second->decoded)
        return {};
    return slot->second->data().subspan(passed);
}

bool FrameStream::pass(std::size_t count) {
    const std::size_t left = ready().size();
    if (left == 0 || count > left)
        throw Error(Fault::internal, "more of an image was taken than was there");
    passed += count;
    if (count < left)
        return false;
    ++current;
    passed = 0;
    return true;
}

std::optional<PageMemory> FrameStream::take_released() {
    const auto oldest = slots.begin();
    if (oldest == slots.end() || oldest->first >= current || released < oldest->second->size)
        return std::nullopt;
    released -= oldest->second->size;
    PageMemory memory = std::move(oldest->second->memory);
    slots.erase(oldest);
    return memory;
}

} // namespace cedana
