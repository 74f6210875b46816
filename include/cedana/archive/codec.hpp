// SPDX-License-Identifier: Apache-2.0
// Compression in frames: pieces of equal size that are compressed and decompressed each on its own, so in parallel and
// in any order, while all frames of an entry in a row are one stream that any zstd or zip tool reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace cedana {

// The values are the zip format's.
enum class Method : std::uint16_t { store = 0, deflate = 8, zstd = 93 };

// "store", "deflate", "zstd"
[[nodiscard]] std::string_view name_of(Method method);
// False, and `out` unchanged, if `name` is none of these.
[[nodiscard]] bool parse_method(std::string_view name, Method& out);
// The same for the number that a zip directory holds.
[[nodiscard]] bool parse_method(std::uint16_t number, Method& out);

// Uncompressed size of every frame of an entry but the last, which may be shorter.
inline constexpr std::size_t k_frame_size = 1024UL * 1024;
// No encoder makes more than this of `size` bytes. Readers refuse more before they allocate it.
[[nodiscard]] constexpr std::uint64_t compressed_bound(std::uint64_t size) { return size + size / 128 + 1024; }

// Deflate marks the end of a stream, so its encoder must know the last frame.
enum class Position { more_follow, last };

// Reusable; for one thread. An entry without data needs no frame if it is stored; for deflate and zstd a valid stream
// of an empty entry is encode({}, Position::last).
class FrameEncoder {
  public:
    // `level` is bounded to what the method knows; store has none. Throws Error(Fault::internal).
    FrameEncoder(Method method, int level);
    FrameEncoder(FrameEncoder&&) noexcept;
    FrameEncoder& operator=(FrameEncoder&&) noexcept;
    ~FrameEncoder();

    [[nodiscard]] Method method() const noexcept { return method_; }
    // zstd: one frame with its content size and without a checksum. deflate: raw deflate without a reference to
    // earlier frames, which ends at a byte border.
    [[nodiscard]] std::vector<std::byte> encode(std::span<const std::byte> data, Position position);
    // The same into `out`, which must hold compressed_bound() bytes; returns how many it takes.
    [[nodiscard]] std::size_t encode(std::span<const std::byte> data, Position position, std::span<std::byte> out);

  private:
    struct State;
    Method method_;
    std::unique_ptr<State> state_;
};

// Reusable; for one thread.
class FrameDecoder {
  public:
    FrameDecoder();
    FrameDecoder(FrameDecoder&&) noexcept;
    FrameDecoder& operator=(FrameDecoder&&) noexcept;
    ~FrameDecoder();

    // Decodes one frame, which must give exactly out.size() bytes and use all of `compressed`; else it throws
    // Error(Fault::checkpoint) and `out` holds anything. What the frame says about its own size is never trusted.
    void decode(Method method, std::span<const std::byte> compressed, std::span<std::byte> out);
    // The same for a whole entry: all its frames in a row, a seek table among them skipped.
    void decode_entry(Method method, std::span<const std::byte> compressed, std::span<std::byte> out);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace cedana
