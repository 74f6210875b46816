// SPDX-License-Identifier: Apache-2.0
// Frames of memory that were compressed while the tree still ran. A frame of an image that has the same content once it
// stands still is not compressed again, whatever became of the memory in between: content alone decides.
#pragma once

#include "cedana/archive/codec.hpp"
#include "cedana/archive/paced_level.hpp"
#include "cedana/base/checksums.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace cedana {

struct FrameAhead {
    // From 1 on: what it is called by whoever got it before (EntrySource::known()).
    std::uint64_t number = 0;
    // By zstd.
    std::vector<std::byte> compressed;
    // Of the content.
    std::uint32_t crc = 0;
    // Of what is compressed.
    Sha256 digest{};
    std::uint64_t sum = 0;
};

// For any number of threads.
class FramesAhead {
  public:
    // `level`: the lowest. `most`: bytes that the compressed frames may take. Throws Error.
    FramesAhead(int level, std::uint64_t most);
    FramesAhead(const FramesAhead&) = delete;
    FramesAhead& operator=(const FramesAhead&) = delete;

    // Compresses a frame, unless there is one of this content. Absent: there is one. Null: there is no room for it.
    // What is returned stays for as long as this.
    [[nodiscard]] std::optional<const FrameAhead*> add(std::span<const std::byte> content);
    // Null if there is none. By XXH3 (128 bits) with a random seed: that others have the same is as good as impossible,
    // by accident and by intent.
    [[nodiscard]] const FrameAhead* find(std::span<const std::byte> content) const;
    // How long a frame took to compress, and then to be taken away: the level follows (PacedLevel).
    void pace(std::chrono::nanoseconds compressed, std::chrono::nanoseconds taken) {
        if (taken > compressed)
            level_.taker_is_slow();
        else
            level_.taker_is_quick();
    }
    // Bytes of all that is compressed.
    [[nodiscard]] std::uint64_t bytes() const;

  private:
    // Of a content.
    using Key = std::pair<std::uint64_t, std::uint64_t>;
    // Of one thread at a time.
    struct Encoders {
        std::map<int, FrameEncoder> by_level;
        std::vector<std::byte> output;
    };

    [[nodiscard]] Key key_of(std::span<const std::byte> content) const;
    [[nodiscard]] std::unique_ptr<Encoders> take_encoders();

    PacedLevel level_;
    std::uint64_t most_;
    std::uint64_t seed_ = 0;
    // Guards all that follows.
    mutable std::mutex mutex_;
    std::map<Key, std::unique_ptr<FrameAhead>> frames_;
    // That no thread has now.
    std::vector<std::unique_ptr<Encoders>> encoders_;
    std::uint64_t bytes_ = 0;
    std::uint64_t last_number_ = 0;
};

} // namespace cedana
