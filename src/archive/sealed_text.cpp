// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/sealed_text.hpp"

#include "cedana/archive/codec.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

constexpr int k_level = 9;
// The size of the text stands before it, little-endian.
constexpr std::size_t k_size_field = 8;

std::uint64_t size_in(std::span<const std::byte> bytes) {
    std::uint64_t size = 0;
    for (std::size_t i = 0; i < k_size_field; ++i)
        size |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
    return size;
}

// Frame by frame, with room for a seal.
std::vector<std::byte> compress(std::string_view text) {
    std::vector<std::byte> out(k_size_field);
    for (std::size_t i = 0; i < k_size_field; ++i)
        out[i] = static_cast<std::byte>(text.size() >> (8 * i));
    FrameEncoder encoder(Method::deflate, k_level);
    auto rest = std::as_bytes(std::span(text));
    do {
        const auto frame = rest.first(std::min(rest.size(), k_frame_size));
        rest = rest.subspan(frame.size());
        const auto encoded = encoder.encode(frame, rest.empty() ? Position::last : Position::more_follow);
        out.insert(out.end(), encoded.begin(), encoded.end());
    } while (!rest.empty());
    out.resize(out.size() + k_seal_size);
    return out;
}

} // namespace

std::string seal_text(const Seal& seal, std::string_view name, std::string_view text) {
    std::vector<std::byte> bytes = compress(text);
    seal.close(name, bytes);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string open_text(const Seal& seal, std::string_view name, std::string_view sealed, std::size_t limit) {
    const auto sealed_bytes = std::as_bytes(std::span(sealed));
    std::vector<std::byte> bytes(sealed_bytes.begin(), sealed_bytes.end());
    const std::span<const std::byte> opened = seal.open(name, bytes);
    if (opened.size() < k_size_field)
        throw Error(Fault::checkpoint, fmt::format("{} is cut off", printable(name)));
    const std::uint64_t size = size_in(opened);
    if (size > limit)
        throw Error(Fault::checkpoint, fmt::format("{} is larger than {} bytes", printable(name), limit));
    std::string text(size, '\0');
    FrameDecoder().decode_entry(Method::deflate, opened.subspan(k_size_field), std::as_writable_bytes(std::span(text)));
    return text;
}

} // namespace cedana
