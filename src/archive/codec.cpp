// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/codec.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <zlib.h>
#include <zstd.h>

namespace cedana {

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::array<std::pair<Method, std::string_view>, 3> k_names = {
    {{Method::store, "store"}, {Method::deflate, "deflate"}, {Method::zstd, "zstd"}}};

// Raw deflate, without the header and trailer of zlib: what a zip entry holds.
constexpr int k_raw_window_bits = -15;
constexpr int k_default_memory_level = 8;
// Level 1 for memory: a hash table of sixteen times the size and a smaller window give archives of mixed content that
// are 2 to 4 % smaller, at the same speed.
constexpr int k_hash_log = 17;
constexpr int k_window_log = 18;
constexpr int k_shortest_match = 6;

// zlib takes a pointer to what it never writes as one to non-const.
Bytef* input_of(Bytes data) { return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(data.data())); }

Error damaged(std::string_view what) {
    return {Fault::checkpoint, fmt::format("compressed data is damaged: {}", what)};
}

std::uint32_t magic_of(Bytes frame) {
    std::uint32_t magic = 0;
    for (std::size_t i = 0; i < std::min(frame.size(), sizeof magic); ++i)
        magic |= std::to_integer<std::uint32_t>(frame[i]) << (8 * i);
    return magic;
}

bool is_skippable(Bytes frame) { return (magic_of(frame) & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START; }

void copy_stored(Bytes data, std::span<std::byte> out) {
    if (data.size() != out.size())
        throw damaged("its size is not what was expected");
    std::ranges::copy(data, out.begin());
}

} // namespace

std::string_view name_of(Method method) {
    const auto* row = std::ranges::find(k_names, method, [](const auto& pair) { return pair.first; });
    return row == k_names.end() ? "unknown" : row->second;
}

bool parse_method(std::string_view name, Method& out) {
    const auto* row = std::ranges::find(k_names, name, [](const auto& pair) { return pair.second; });
    if (row == k_names.end())
        return false;
    out = row->first;
    return true;
}

bool parse_method(std::uint16_t number, Method& out) {
    const auto method = static_cast<Method>(number);
    if (std::ranges::find(k_names, method, [](const auto& pair) { return pair.first; }) == k_names.end())
        return false;
    out = method;
    return true;
}

struct FrameEncoder::State {
    State(Method method, int level) {
        if (method == Method::zstd)
            begin_zstd(level);
        if (method == Method::deflate)
            begin_deflate(level);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        ZSTD_freeCCtx(zstd);
        if (deflating)
            deflateEnd(&stream);
    }

    void begin_zstd(int level) {
        zstd = ZSTD_createCCtx();
        if (zstd == nullptr)
            throw Error(Fault::internal, "zstd cannot be set up");
        ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, std::clamp(level, ZSTD_minCLevel(), ZSTD_maxCLevel()));
        ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, 1);
        ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 0);
        if (level != 1)
            return;
        ZSTD_CCtx_setParameter(zstd, ZSTD_c_hashLog, k_hash_log);
        ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, k_window_log);
        ZSTD_CCtx_setParameter(zstd, ZSTD_c_minMatch, k_shortest_match);
    }

    void begin_deflate(int level) {
        if (deflateInit2(&stream, std::clamp(level, 0, Z_BEST_COMPRESSION), Z_DEFLATED, k_raw_window_bits,
                         k_default_memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
            throw Error(Fault::internal, "deflate cannot be set up");
        deflating = true;
    }

    std::size_t encode_zstd(Bytes data, std::span<std::byte> out) const {
        const std::size_t size = ZSTD_compress2(zstd, out.data(), out.size(), data.data(), data.size());
        if (ZSTD_isError(size) != 0)
            throw Error(Fault::internal, fmt::format("zstd cannot compress: {}", ZSTD_getErrorName(size)));
        return size;
    }

    std::size_t encode_deflate(Bytes data, Position position, std::span<std::byte> out) {
        deflateReset(&stream);
        stream.next_in = input_of(data);
        stream.avail_in = static_cast<uInt>(data.size());
        stream.next_out = reinterpret_cast<Bytef*>(out.data());
        stream.avail_out = static_cast<uInt>(out.size());
        const bool is_last = position == Position::last;
        const int result = deflate(&stream, is_last ? Z_FINISH : Z_SYNC_FLUSH);
        // A flush is complete only if room is left behind it (zlib.h).
        if (result != (is_last ? Z_STREAM_END : Z_OK) || stream.avail_in != 0 || stream.avail_out == 0)
            throw Error(Fault::internal, "deflate cannot compress a frame");
        return out.size() - stream.avail_out;
    }

    ZSTD_CCtx* zstd = nullptr;
    z_stream stream{};
    bool deflating = false;
};

FrameEncoder::FrameEncoder(Method method, int level)
    : method_(method), state_(std::make_unique<State>(method, level)) {}
FrameEncoder::FrameEncoder(FrameEncoder&&) noexcept = default;
FrameEncoder& FrameEncoder::operator=(FrameEncoder&&) noexcept = default;
FrameEncoder::~FrameEncoder() = default;

std::size_t FrameEncoder::encode(std::span<const std::byte> data, Position position, std::span<std::byte> out) {
    if (data.size() > k_frame_size)
        throw Error(Fault::internal, fmt::format("a frame of {} bytes is larger than {}", data.size(), k_frame_size));
    if (out.size() < compressed_bound(data.size()))
        throw Error(Fault::internal, "there is no room for a compressed frame");
    if (method_ == Method::zstd)
        return state_->encode_zstd(data, out);
    if (method_ == Method::deflate)
        return state_->encode_deflate(data, position, out);
    std::ranges::copy(data, out.begin());
    return data.size();
}

std::vector<std::byte> FrameEncoder::encode(std::span<const std::byte> data, Position position) {
    std::vector<std::byte> encoded(compressed_bound(data.size()));
    encoded.resize(encode(data, position, encoded));
    encoded.shrink_to_fit();
    return encoded;
}

struct FrameDecoder::State {
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        ZSTD_freeDCtx(zstd);
        if (inflating)
            inflateEnd(&stream);
    }

    void begin_zstd() {
        if (zstd == nullptr)
            zstd = ZSTD_createDCtx();
        if (zstd == nullptr)
            throw Error(Fault::internal, "zstd cannot be set up");
    }

    void begin_inflate() {
        if (!inflating && inflateInit2(&stream, k_raw_window_bits) != Z_OK)
            throw Error(Fault::internal, "inflate cannot be set up");
        inflating = true;
        inflateReset(&stream);
    }

    // The size of the zstd frame at the front of `compressed`.
    static std::size_t frame_at(Bytes compressed) {
        // libzstd would also read the formats before 1.0.
        if (magic_of(compressed) != ZSTD_MAGICNUMBER && !is_skippable(compressed))
            throw damaged("not a zstd frame");
        const std::size_t size = ZSTD_findFrameCompressedSize(compressed.data(), compressed.size());
        if (ZSTD_isError(size) != 0)
            throw damaged(ZSTD_getErrorName(size));
        return size;
    }

    // Decodes one frame; returns how much of `out` it filled. In one call zstd needs no window, so the header of
    // the frame decides no allocation.
    std::size_t decode_zstd(Bytes frame, std::span<std::byte> out) {
        const std::size_t size = ZSTD_decompressDCtx(zstd, out.data(), out.size(), frame.data(), frame.size());
        if (ZSTD_isError(size) != 0)
            throw damaged(ZSTD_getErrorName(size));
        return size;
    }

    enum class Ending { stream, frame };

    // Inflates all of `compressed` into all of `out`. Ending::frame also allows what Z_SYNC_FLUSH leaves: a byte
    // border between two blocks.
    void inflate_all(Bytes compressed, std::span<std::byte> out, Ending ending) {
        constexpr std::size_t k_limit = std::numeric_limits<uInt>::max();
        if (compressed.size() > k_limit || out.size() > k_limit)
            throw damaged("too large for one piece of deflate");
        begin_inflate();
        Bytef nothing = 0;
        stream.next_in = input_of(compressed);
        stream.avail_in = static_cast<uInt>(compressed.size());
        stream.next_out = out.empty() ? &nothing : reinterpret_cast<Bytef*>(out.data());
        stream.avail_out = static_cast<uInt>(out.size());
        const int result = inflate(&stream, Z_SYNC_FLUSH);
        // data_type (zlib.h): 128 between blocks, plus 64 in the last block, plus the number of unused bits.
        const bool between_blocks = result == Z_OK && stream.data_type == 128;
        if (result != Z_STREAM_END && !(ending == Ending::frame && between_blocks))
            throw damaged(stream.msg != nullptr ? stream.msg : "deflate data does not end where it should");
        if (stream.avail_in != 0 || stream.avail_out != 0)
            throw damaged("its size is not what was expected");
    }

    ZSTD_DCtx* zstd = nullptr;
    z_stream stream{};
    bool inflating = false;
};

FrameDecoder::FrameDecoder() : state_(std::make_unique<State>()) {}
FrameDecoder::FrameDecoder(FrameDecoder&&) noexcept = default;
FrameDecoder& FrameDecoder::operator=(FrameDecoder&&) noexcept = default;
FrameDecoder::~FrameDecoder() = default;

void FrameDecoder::decode(Method method, std::span<const std::byte> compressed, std::span<std::byte> out) {
    if (method == Method::store)
        return copy_stored(compressed, out);
    if (method == Method::deflate)
        return state_->inflate_all(compressed, out, State::Ending::frame);
    state_->begin_zstd();
    if (State::frame_at(compressed) != compressed.size() || state_->decode_zstd(compressed, out) != out.size())
        throw damaged("its size is not what was expected");
}

void FrameDecoder::decode_entry(Method method, std::span<const std::byte> compressed, std::span<std::byte> out) {
    if (method == Method::store)
        return copy_stored(compressed, out);
    if (method == Method::deflate)
        return state_->inflate_all(compressed, out, State::Ending::stream);
    state_->begin_zstd();
    while (!compressed.empty()) {
        const Bytes frame = compressed.first(State::frame_at(compressed));
        if (!is_skippable(frame))
            out = out.subspan(state_->decode_zstd(frame, out));
        compressed = compressed.subspan(frame.size());
    }
    if (!out.empty())
        throw damaged("its size is not what was expected");
}

} // namespace cedana
