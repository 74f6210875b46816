// SPDX-License-Identifier: Apache-2.0
// The `sums` entry of a checkpoint that is not encrypted: of each frame a number by which an accident is found in a
// tenth of the time that its SHA-256 takes. A restore compares it where nothing vouches for the digests: then whoever
// could change a frame could change those as well. What vouches for more (a signature, `verify`) needs the digests.
//
// The text; fields are separated by one space, lines end with \n:
//
//   cedana-sums 1 xxh3-64
//   image FRAMES NAME                      as in the index, and in the same order
//   SUM                                    FRAMES such lines: XXH3 (64 bits, without a seed) of the frame's compressed
//   …                                      bytes, 16 hexadecimal digits
//   end IMAGES
#pragma once

#include "cedana/archive/frame_index.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

[[nodiscard]] std::uint64_t frame_sum(std::span<const std::byte> compressed);

class FrameSums {
  public:
    // Those of an image, in the order of its frames.
    void set(std::string image, std::vector<std::uint64_t> sums) { images_[std::move(image)] = std::move(sums); }
    // Those of other images.
    void add(const FrameSums& others) { images_.insert(others.images_.begin(), others.images_.end()); }
    // The image must be one of them, and the frame one of its.
    [[nodiscard]] std::uint64_t at(std::string_view image, std::size_t frame) const;

    friend bool operator==(const FrameSums&, const FrameSums&) = default;

  private:
    friend std::string write_sums(const FrameSums& sums);

    std::map<std::string, std::vector<std::uint64_t>, std::less<>> images_;
};

[[nodiscard]] std::string write_sums(const FrameSums& sums);
// Strict: anything that write_sums() would not have written for the images of `index` is Error(Fault::checkpoint).
[[nodiscard]] FrameSums read_sums(std::string_view text, const FrameIndex& index);

} // namespace cedana
