// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frames_ahead.hpp"

#include "cedana/archive/frame_sums.hpp"
#include "cedana/base/secret_bytes.hpp"

// Its functions are compiled into this file.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace cedana {

FramesAhead::FramesAhead(int level, std::uint64_t most) : level_(level), most_(most) {
    fill_random(std::as_writable_bytes(std::span(&seed_, 1)));
}

FramesAhead::Key FramesAhead::key_of(std::span<const std::byte> content) const {
    const XXH128_hash_t hash = XXH3_128bits_withSeed(content.data(), content.size(), seed_);
    return {hash.high64, hash.low64};
}

std::unique_ptr<FramesAhead::Encoders> FramesAhead::take_encoders() {
    {
        const std::scoped_lock lock(mutex_);
        if (!encoders_.empty()) {
            std::unique_ptr<Encoders> encoders = std::move(encoders_.back());
            encoders_.pop_back();
            return encoders;
        }
    }
    auto encoders = std::make_unique<Encoders>();
    encoders->output.resize(compressed_bound(k_frame_size));
    return encoders;
}

std::optional<const FrameAhead*> FramesAhead::add(std::span<const std::byte> content) {
    const Key key = key_of(content);
    {
        const std::scoped_lock lock(mutex_);
        if (frames_.contains(key))
            return std::nullopt;
        if (bytes_ >= most_)
            return nullptr;
    }
    std::unique_ptr<Encoders> encoders = take_encoders();
    const int level = level_.level();
    FrameEncoder& encoder = encoders->by_level.try_emplace(level, Method::zstd, level).first->second;
    const std::size_t size = encoder.encode(content, Position::more_follow, encoders->output);
    const std::span<const std::byte> compressed = std::span(encoders->output).first(size);
    auto frame = std::make_unique<FrameAhead>(FrameAhead{.compressed = {compressed.begin(), compressed.end()},
                                                         .crc = crc32_of(content),
                                                         .digest = sha256(compressed),
                                                         .sum = frame_sum(compressed)});
    const std::scoped_lock lock(mutex_);
    encoders_.push_back(std::move(encoders));
    if (bytes_ + size > most_)
        return nullptr;
    const auto [place, is_new] = frames_.emplace(key, std::move(frame));
    if (!is_new)
        return std::nullopt;
    bytes_ += size;
    place->second->number = ++last_number_;
    return place->second.get();
}

const FrameAhead* FramesAhead::find(std::span<const std::byte> content) const {
    const Key key = key_of(content);
    const std::scoped_lock lock(mutex_);
    const auto found = frames_.find(key);
    return found == frames_.end() ? nullptr : found->second.get();
}

std::uint64_t FramesAhead::bytes() const {
    const std::scoped_lock lock(mutex_);
    return bytes_;
}

} // namespace cedana
