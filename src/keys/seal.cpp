// SPDX-License-Identifier: Apache-2.0
#include "cedana/keys/seal.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <sodium.h>

#include "raw_bytes.hpp"

namespace cedana {

namespace {

static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == k_seal_size);
static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == k_data_key_size);

using Nonce = std::array<unsigned char, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES>;

constexpr std::size_t k_number = 8;
// The checkpoint, the entry, the frame, and whether it is the last.
constexpr std::size_t k_frame_context = std::tuple_size_v<CheckpointId> + 2 * k_number + 1;

// Of nonces, so that none of a frame is ever one of a text.
constexpr std::string_view k_for_frames = "frame\0\0\0";
constexpr std::string_view k_for_texts = "text";

template <typename Out>
Out put_64(Out out, std::uint64_t value) {
    for (std::size_t i = 0; i < k_number; ++i)
        *out++ = static_cast<unsigned char>(value >> (8 * i));
    return out;
}

Nonce nonce_of(const FramePlace& place) {
    Nonce nonce{};
    auto end = put_64(put_64(nonce.begin(), place.entry), place.frame);
    std::ranges::copy(k_for_frames, end);
    return nonce;
}

Nonce nonce_of(std::string_view name) {
    Nonce nonce{};
    const Sha256 digest = sha256(name);
    std::ranges::transform(std::span(digest).first(2 * k_number), nonce.begin(),
                           [](std::byte byte) { return std::to_integer<unsigned char>(byte); });
    std::ranges::copy(k_for_texts, nonce.begin() + 2 * k_number);
    return nonce;
}

// What is authenticated beside the content.
std::array<unsigned char, k_frame_context> context_of(const CheckpointId& id, const FramePlace& place) {
    std::array<unsigned char, k_frame_context> context{};
    auto* const place_begin = std::ranges::copy(std::span(raw(id), id.size()), context.data()).out;
    *put_64(put_64(place_begin, place.entry), place.frame) = place.is_last ? 1 : 0;
    return context;
}

std::vector<unsigned char> context_of(const CheckpointId& id, std::string_view name) {
    std::vector<unsigned char> context(id.size() + name.size());
    auto* const name_begin = std::ranges::copy(std::span(raw(id), id.size()), context.data()).out;
    std::ranges::copy(name, name_begin);
    return context;
}

void close_in_place(const SecretBytes& key, const Nonce& nonce, std::span<const unsigned char> context,
                    std::span<std::byte> bytes) {
    crypto_aead_xchacha20poly1305_ietf_encrypt(raw_out(bytes), nullptr, raw(bytes), bytes.size() - k_seal_size,
                                               context.data(), context.size(), nullptr, nonce.data(), key.data());
}

bool open_in_place(const SecretBytes& key, const Nonce& nonce, std::span<const unsigned char> context,
                   std::span<std::byte> bytes) {
    return bytes.size() >= k_seal_size &&
           crypto_aead_xchacha20poly1305_ietf_decrypt(raw_out(bytes), nullptr, nullptr, raw(bytes), bytes.size(),
                                                      context.data(), context.size(), nonce.data(), key.data()) == 0;
}

void require_room(std::span<const std::byte> content) {
    if (content.size() < k_seal_size)
        throw Error(Fault::internal, "there is no room for a seal");
}

} // namespace

Seal::Seal(SecretBytes data_key, const CheckpointId& id) : data_key_(std::move(data_key)), id_(id) {
    if (data_key_.size() != k_data_key_size)
        throw Error(Fault::internal, "a data key of another size");
}

void Seal::close(const FramePlace& place, std::span<std::byte> frame) const {
    require_room(frame);
    close_in_place(data_key_, nonce_of(place), context_of(id_, place), frame);
}

std::span<const std::byte> Seal::open(const FramePlace& place, std::span<std::byte> frame) const {
    if (!open_in_place(data_key_, nonce_of(place), context_of(id_, place), frame))
        throw Error(Fault::checkpoint,
                    fmt::format("frame {} of data/{} was not sealed for this place", place.frame, place.entry));
    return frame.first(frame.size() - k_seal_size);
}

void Seal::close(std::string_view name, std::span<std::byte> content) const {
    require_room(content);
    close_in_place(data_key_, nonce_of(name), context_of(id_, name), content);
}

std::span<const std::byte> Seal::open(std::string_view name, std::span<std::byte> content) const {
    if (!open_in_place(data_key_, nonce_of(name), context_of(id_, name), content))
        throw Error(Fault::checkpoint, fmt::format("{} was not sealed for this place", printable(name)));
    return content.first(content.size() - k_seal_size);
}

} // namespace cedana
