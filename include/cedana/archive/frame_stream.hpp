// SPDX-License-Identifier: Apache-2.0
// An image that is read strictly forward, frame by frame, or of which parts are read as if they were all. Not for
// several threads: ImageReader guards it.
#pragma once

#include "cedana/archive/byte_range.hpp"
#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/page_memory.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cedana {

// By the name of an image, ascending and apart from each other.
using ImageParts = std::map<std::string, std::vector<ByteRange>, std::less<>>;

struct FrameSlot {
    PageMemory memory;
    std::size_t size = 0;
    bool decoded = false;
    [[nodiscard]] std::span<std::byte> data() const { return memory.bytes().first(size); }
};

struct FrameStream {
    FrameStream(const ImageRecord& image, const std::vector<ByteRange>* wanted);

    // A frame is left to be decoded.
    [[nodiscard]] bool wants_more() const { return next < frames.size(); }
    [[nodiscard]] bool at_end() const { return current == frames.size(); }
    // What is decoded of the current frame and was not passed yet.
    [[nodiscard]] std::span<const std::byte> ready() const;
    // True when that ends the current frame. Throws Error(Fault::internal) if there is not so much.
    bool pass(std::size_t count);
    // The memory of the oldest frame once all of it was released; absent before.
    [[nodiscard]] std::optional<PageMemory> take_released();

    const ImageRecord* record;
    // Null: all of it.
    const std::vector<ByteRange>* parts;
    // The numbers of the frames to read, in order. Below, a frame's number is its position here.
    std::vector<std::size_t> frames;
    // By number: frames that are being decoded, are decoded, or were passed and not released yet.
    std::map<std::size_t, std::unique_ptr<FrameSlot>> slots;
    // Next frame to be decoded.
    std::size_t next = 0;
    // The frame that ready() gives, and the bytes of it that were passed.
    std::size_t current = 0;
    std::size_t passed = 0;
    // Bytes of the oldest frame that were released.
    std::size_t released = 0;
    bool closed = false;
};
using SharedStream = std::shared_ptr<FrameStream>;

template <typename Key>
[[nodiscard]] bool any_wants_more(const std::map<Key, SharedStream>& streams) {
    return std::any_of(streams.begin(), streams.end(), [](const auto& entry) { return entry.second->wants_more(); });
}

// The first stream after the key `turn`, round about, that wants a frame; `turn` is its key then. Null if none wants
// one.
template <typename Key>
[[nodiscard]] SharedStream next_in_turn(const std::map<Key, SharedStream>& streams, Key& turn) {
    const auto wants_more = [](const auto& entry) { return entry.second->wants_more(); };
    const auto after = streams.upper_bound(turn);
    auto found = std::find_if(after, streams.end(), wants_more);
    if (found == streams.end()) {
        found = std::find_if(streams.begin(), after, wants_more);
        if (found == after)
            return nullptr;
    }
    turn = found->first;
    return found->second;
}

} // namespace cedana
