// SPDX-License-Identifier: Apache-2.0
// Frames of images one at a time and in any order: read, the digest compared, and only then decrypted and decompressed.
#pragma once

#include "cedana/archive/byte_range.hpp"
#include "cedana/archive/codec.hpp"
#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/zip_reader.hpp"

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// For one thread.
class FrameReader {
  public:
    // `zip`, and the records that are read, must outlive this. `folder`: before the names in the archive.
    FrameReader(const ZipReader& zip, std::string folder) : zip_(zip), folder_(std::move(folder)) {}

    // Frame `number` of an image into `out`, which must have its size. Throws Error(Fault::checkpoint) for a frame that
    // is damaged, Error of the errno when the archive cannot be read.
    void read(const ImageRecord& image, std::size_t number, std::span<std::byte> out);
    // A whole image, of at most `limit` bytes.
    [[nodiscard]] std::string read_all(const ImageRecord& image, std::size_t limit);
    // Where the frame lies in the archive's file. Throws as read() does, but reads nothing of it.
    [[nodiscard]] ByteRange place(const ImageRecord& image, std::size_t number);
    // Compares the digest alone.
    void check(const ImageRecord& image, std::size_t number);

  private:
    const RawEntry& entry_of(const ImageRecord& image);

    const ZipReader& zip_;
    std::string folder_;
    // Opening an entry reads the file, so each is opened once.
    std::map<std::string_view, RawEntry> entries_;
    std::vector<std::byte> compressed_;
    FrameDecoder decoder_;
};

} // namespace cedana
