// SPDX-License-Identifier: Apache-2.0
// The `index` entry of a checkpoint: where each frame of each image lies and what its SHA-256 is, so that whoever
// trusts the digest of the index trusts each frame without reading the rest. And the seek table of the zstd seekable
// format, by which tools that know nothing of checkpoints find the same frames.
//
// The text, version 1; fields are separated by one space, lines end with \n, numbers are decimal without leading zeros:
//
//   cedana-index 1
//   image METHOD SIZE CRC FRAMES NAME      METHOD: store, deflate, zstd; CRC: 8 hexadecimal digits; NAME: to the end
//   OFFSET COMPRESSED SIZE SHA256          FRAMES such lines; OFFSET is within the entry's compressed data,
//   …                                      SHA256 is that of the frame's compressed bytes, 64 hexadecimal digits
//   end IMAGES
//
// Images are in ascending order of their names' bytes. Frames lie without gaps from 0 and hold 1 MiB of the image each,
// the last one the rest; an empty image has none. A seek table behind the frames is not in the index.
//
// Of sealed images it is version 2: a NUMBER stands before NAME, their entry is data/NUMBER, which is stored and has no
// seek table; CRC is that of the entry; COMPRESSED is with the seal, and SHA256 that of the sealed frame.
#pragma once

#include "cedana/archive/codec.hpp"
#include "cedana/base/checksums.hpp"
#include "cedana/keys/seal.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

struct FrameRecord {
    // Within the entry's compressed data.
    std::uint64_t offset = 0;
    std::uint32_t compressed = 0;
    // Of the uncompressed data.
    std::uint32_t size = 0;
    // Of the compressed bytes: compared before the decoder sees them.
    Sha256 digest{};

    friend bool operator==(const FrameRecord&, const FrameRecord&) = default;
};

struct ImageRecord {
    // As CRIU names the image, without a folder.
    std::string name;
    Method method = Method::store;
    // Size and CRC-32 of the uncompressed image; if it is sealed the CRC-32 of the entry.
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
    std::vector<FrameRecord> frames;
    // Null: its frames are not encrypted.
    std::shared_ptr<const Seal> seal = nullptr;
    // Of a sealed image: the number that is its entry's name.
    std::uint64_t entry = 0;

    // Of the entry in the archive. `folder`: before the names of images that are not sealed.
    [[nodiscard]] std::string entry_name(const std::string& folder) const;
    // What the directory of the archive says of it.
    [[nodiscard]] Method entry_method() const { return seal ? Method::store : method; }
    [[nodiscard]] std::uint64_t entry_size() const { return seal ? end_of_frames() : size; }
    [[nodiscard]] std::uint64_t end_of_frames() const {
        return frames.empty() ? 0 : frames.back().offset + frames.back().compressed;
    }
    // Which a decoder skips, and the index does not list.
    [[nodiscard]] bool has_seek_table() const { return !seal && method == Method::zstd && frames.size() > 1; }
    [[nodiscard]] FramePlace place_of(std::size_t frame) const {
        return {.entry = entry, .frame = frame, .is_last = frame + 1 == frames.size()};
    }

    friend bool operator==(const ImageRecord&, const ImageRecord&) = default;
};

struct ByName {
    using is_transparent = void;
    bool operator()(const ImageRecord& a, const ImageRecord& b) const { return a.name < b.name; }
    bool operator()(const ImageRecord& a, std::string_view b) const { return a.name < b; }
    bool operator()(std::string_view a, const ImageRecord& b) const { return a < b.name; }
};

struct FrameIndex {
    std::set<ImageRecord, ByName> images;

    // Null if there is none of this name. Valid as long as the record stays in `images`.
    [[nodiscard]] const ImageRecord* find(std::string_view name) const;

    friend bool operator==(const FrameIndex&, const FrameIndex&) = default;
};

// Appends a frame that follows the ones there: fills in its offset.
void append_frame(ImageRecord& image, std::uint32_t compressed, std::uint32_t size, const Sha256& digest);

// Throws Error(Fault::internal) for an index that read_index would refuse.
[[nodiscard]] std::string write_index(const FrameIndex& index);

// Strict: anything that write_index would not have written is Error(Fault::checkpoint), with the number of the line.
// What it returns holds no frame of more than k_frame_size or compressed_bound(k_frame_size) bytes (and k_seal_size).
// `seal`: of the images, null if they are not sealed.
[[nodiscard]] FrameIndex read_index(std::string_view text, const std::shared_ptr<const Seal>& seal = nullptr);

// To be appended to a zstd entry of more than one frame: a skippable frame, which every zstd decoder ignores.
// https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/zstd_seekable_compression_format.md
[[nodiscard]] std::vector<std::byte> seek_table(std::span<const FrameRecord> frames);

} // namespace cedana
