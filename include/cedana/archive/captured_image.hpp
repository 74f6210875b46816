// SPDX-License-Identifier: Apache-2.0
// An image between CRIU and the archive: a row of frames that are filled, compressed and written, in this order. Not
// for several threads: ImageWriter guards them.
#pragma once

#include "cedana/archive/codec.hpp"
#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/frames_ahead.hpp"
#include "cedana/archive/page_memory.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace cedana {

// Up to this an image has a buffer of its own in place of a frame of the pool, and is deflated: hundreds of images are
// a few kilobytes, and every unzip can then read them.
inline constexpr std::size_t k_small_image = 64UL * 1024;

enum class FrameState { filling, full, encoding, encoded };

struct CapturedFrame {
    // The bytes lie in a frame of the pool, or in memory of their own.
    std::byte* pooled = nullptr;
    std::vector<std::byte> own;
    // `own` stands for a frame of the pool.
    bool overdrawn = false;
    // In place of memory: where its bytes lie, in this order.
    std::vector<std::span<const std::byte>> pieces;
    std::size_t size = 0;
    FrameState state = FrameState::filling;
    Position position = Position::more_follow;
    // The first `compressed_size` bytes count; sealed if the image is.
    PageMemory compressed;
    std::size_t compressed_size = 0;
    Sha256 digest{};
    // Not of a sealed frame.
    std::uint64_t sum = 0;
    // Of the content, or of what is sealed.
    std::uint32_t crc = 0;
    // What `compressed` is a copy of; null: of nothing.
    const FrameAhead* ahead = nullptr;

    // Of one that is filled.
    [[nodiscard]] std::span<const std::byte> data() const { return {pooled ? pooled : own.data(), size}; }
    // What is left to fill.
    [[nodiscard]] std::span<std::byte> room();
    // Its next bytes, of which all must fit.
    void refer(std::span<const std::byte> bytes);
    // Compresses it into `compressed`, seals it unless `seal` is null, and sums it up. `scratch` is where the pieces
    // are put together; it is made when it is first needed. `frames`: where it may be compressed already; may be null.
    void encode(FrameEncoder& encoder, const Seal* seal, const FramePlace& place, PageMemory& scratch,
                const FramesAhead* frames);

  private:
    void sum_up(const Seal* seal, const FramePlace& place, std::span<const std::byte> content);
    [[nodiscard]] std::span<const std::byte> gathered(PageMemory& scratch) const;
};

struct CapturedImage {
    ImageRecord record;
    // Of the frames of `record`, unless it is sealed.
    std::vector<std::uint64_t> sums;
    int number = 0;
    bool ended = false;
    // Those that are not written yet.
    std::deque<std::unique_ptr<CapturedFrame>> frames;
    // Position in `frames` of the next one to be compressed.
    std::size_t next_to_encode = 0;
    // Bytes of memory beside the pool that it holds from its end until it is written.
    std::size_t beside = 0;
    // The piece that the ZipWriter reads now, and what it is a copy of.
    PageMemory piece;
    const FrameAhead* piece_ahead = nullptr;
    // Empty until it is given to the ZipWriter.
    std::vector<std::byte> table;

    // Ended, and no larger than k_small_image.
    [[nodiscard]] bool small() const;
    // Grows to its end and can be written meanwhile. Images of other kinds stay open to the end of the dump, so waiting
    // for their end would stop everything.
    // `flowing`: how the names of such images begin.
    [[nodiscard]] bool flows(const std::vector<std::string>& flowing) const;
    // Whether the next frame can be compressed: deflate marks the last frame, so whether bytes follow must be known.
    [[nodiscard]] bool encodable() const;
    // Every frame was given to a worker.
    [[nodiscard]] bool given_out() const { return ended && next_to_encode == frames.size(); }
    [[nodiscard]] bool written() const { return ended && frames.empty(); }
    [[nodiscard]] bool first_is_encoded() const;
    // How it is to be compressed when `usual` is the rule.
    [[nodiscard]] Method method(Method usual) const;
    // Of the frame that is next to be compressed.
    [[nodiscard]] FramePlace next_place() const;
    // Takes the first frame, which must be encoded, off the row and into the record.
    [[nodiscard]] std::unique_ptr<CapturedFrame> take_first();
};

} // namespace cedana
