// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/captured_image.hpp"

#include "cedana/archive/frame_sums.hpp"

#include <algorithm>
#include <utility>

namespace cedana {

std::span<std::byte> CapturedFrame::room() {
    if (state != FrameState::filling || !pieces.empty())
        return {};
    return pooled != nullptr ? std::span(pooled, k_frame_size).subspan(size) : std::span(own).subspan(size);
}

void CapturedFrame::refer(std::span<const std::byte> bytes) {
    if (!pieces.empty() && pieces.back().data() + pieces.back().size() == bytes.data())
        pieces.back() = {pieces.back().data(), pieces.back().size() + bytes.size()};
    else
        pieces.push_back(bytes);
}

std::span<const std::byte> CapturedFrame::gathered(PageMemory& scratch) const {
    if (pieces.empty())
        return data();
    if (pieces.size() == 1)
        return pieces.front();
    if (scratch.bytes().empty())
        scratch = PageMemory(k_frame_size);
    std::byte* end = scratch.bytes().data();
    for (const std::span<const std::byte> piece : pieces)
        end = std::ranges::copy(piece, end).out;
    return scratch.bytes().first(size);
}

void CapturedFrame::encode(FrameEncoder& encoder, const Seal* seal, const FramePlace& place, PageMemory& scratch,
                           const FramesAhead* frames) {
    const std::span<const std::byte> content = gathered(scratch);
    const bool may_be_known = frames != nullptr && encoder.method() == Method::zstd;
    const FrameAhead* const known = may_be_known ? frames->find(content) : nullptr;
    if (known == nullptr) {
        compressed_size = encoder.encode(content, position, compressed.bytes());
        return sum_up(seal, place, content);
    }
    std::ranges::copy(known->compressed, compressed.bytes().begin());
    compressed_size = known->compressed.size();
    if (seal != nullptr)
        return sum_up(seal, place, content);
    crc = known->crc;
    digest = known->digest;
    sum = known->sum;
    ahead = known;
}

void CapturedFrame::sum_up(const Seal* seal, const FramePlace& place, std::span<const std::byte> content) {
    if (seal != nullptr) {
        compressed_size += k_seal_size;
        seal->close(place, compressed.bytes().first(compressed_size));
    }
    const auto written = compressed.bytes().first(compressed_size);
    crc = crc32_of(seal != nullptr ? written : content);
    digest = sha256(written);
    if (seal == nullptr)
        sum = frame_sum(written);
}

bool CapturedImage::small() const { return ended && record.size <= k_small_image; }

bool CapturedImage::flows(const std::vector<std::string>& flowing) const {
    return record.size >= k_small_image &&
           std::ranges::any_of(flowing, [this](const std::string& prefix) { return record.name.starts_with(prefix); });
}

bool CapturedImage::encodable() const {
    const std::size_t next = next_to_encode;
    return next < frames.size() && frames[next]->state == FrameState::full &&
           (ended || (next + 1 < frames.size() && frames[next + 1]->size > 0));
}

bool CapturedImage::first_is_encoded() const {
    return next_to_encode > 0 && frames.front()->state == FrameState::encoded;
}

Method CapturedImage::method(Method usual) const {
    if (ended && record.size == 0)
        return Method::store;
    return small() && usual == Method::zstd ? Method::deflate : usual;
}

FramePlace CapturedImage::next_place() const {
    return {.entry = record.entry,
            .frame = record.frames.size() + next_to_encode,
            .is_last = frames[next_to_encode]->position == Position::last};
}

std::unique_ptr<CapturedFrame> CapturedImage::take_first() {
    std::unique_ptr<CapturedFrame> frame = std::move(frames.front());
    frames.pop_front();
    --next_to_encode;
    append_frame(record, static_cast<std::uint32_t>(frame->compressed_size), static_cast<std::uint32_t>(frame->size),
                 frame->digest);
    if (!record.seal)
        sums.push_back(frame->sum);
    const std::size_t summed_up = record.seal ? frame->compressed_size : frame->size;
    record.crc = record.frames.size() == 1 ? frame->crc : crc32_join(record.crc, frame->crc, summed_up);
    return frame;
}

} // namespace cedana
