// SPDX-License-Identifier: Apache-2.0
// Encryption of what a checkpoint holds: each frame, and each small entry, is sealed by itself with XChaCha20-Poly1305
// under the checkpoint's own random key, after it was compressed. So frames are written, read and checked in any order
// and by many threads, as those of a plain checkpoint are.
//
// What is sealed fits one place alone: the id of the checkpoint, the number of the entry, the number of the frame and
// whether it is the last one are authenticated with it. Moved, swapped, cut off, or taken from another checkpoint, it
// does not open. Nonces follow from the place, which is used once under a key.
#pragma once

#include "cedana/base/checksums.hpp"
#include "cedana/base/secret_bytes.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace cedana {

// What sealing adds to a frame or a text.
inline constexpr std::size_t k_seal_size = 16;
inline constexpr std::size_t k_data_key_size = 32;

using CheckpointId = std::array<std::byte, 16>;

struct FramePlace {
    std::uint64_t entry = 0;
    std::uint64_t frame = 0;
    // No frame of its entry follows.
    bool is_last = false;
};

// From any number of threads at once.
class Seal {
  public:
    // `data_key`: k_data_key_size random bytes that no other checkpoint has.
    Seal(SecretBytes data_key, const CheckpointId& id);

    [[nodiscard]] const SecretBytes& data_key() const noexcept { return data_key_; }
    [[nodiscard]] const CheckpointId& id() const noexcept { return id_; }

    // The number of an entry that is to be written. Every number is given once, so that no nonce is used twice.
    [[nodiscard]] std::uint64_t next_entry() const noexcept { return entries_++; }

    // In place: `frame` holds the content, and room for k_seal_size bytes behind it.
    void close(const FramePlace& place, std::span<std::byte> frame) const;
    // In place; the content, which is k_seal_size bytes shorter. Throws Error(Fault::checkpoint) for what was not
    // sealed for this place with this key.
    [[nodiscard]] std::span<const std::byte> open(const FramePlace& place, std::span<std::byte> frame) const;

    // The same for a small entry that is sealed as a whole under its name. For each name once.
    void close(std::string_view name, std::span<std::byte> content) const;
    [[nodiscard]] std::span<const std::byte> open(std::string_view name, std::span<std::byte> content) const;

  private:
    SecretBytes data_key_;
    CheckpointId id_;
    mutable std::atomic<std::uint64_t> entries_ = 0;
};

} // namespace cedana
