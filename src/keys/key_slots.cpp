// SPDX-License-Identifier: Apache-2.0
#include "cedana/keys/key_slots.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include <spdlog/fmt/fmt.h>

#include <sodium.h>

#include "raw_bytes.hpp"

namespace cedana {

namespace {

constexpr std::size_t k_nonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t k_wrapped = k_nonce + k_data_key_size + k_seal_size;
constexpr std::size_t k_salt = crypto_pwhash_argon2id_SALTBYTES;
// The data key and the id, in a sealed box.
constexpr std::size_t k_boxed = k_data_key_size + std::tuple_size_v<CheckpointId>;

static_assert(k_key_size == crypto_box_PUBLICKEYBYTES && k_key_size == crypto_box_SECRETKEYBYTES);
static_assert(k_key_size == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

// What is authenticated beside the data key: a slot of another kind or of another checkpoint does not open.
std::string context_of(SlotKind kind, const CheckpointId& id) {
    std::string context = fmt::format("cedana key slot v1 {} ", name_of(kind));
    return context.append(reinterpret_cast<const char*>(id.data()), id.size());
}

std::vector<std::byte> wrap(const SecretBytes& data_key, const SecretBytes& key, const std::string& context) {
    std::vector<std::byte> wrapped(k_wrapped);
    const auto nonce = std::span(wrapped).first(k_nonce);
    fill_random(nonce);
    crypto_aead_xchacha20poly1305_ietf_encrypt(raw_out(std::span(wrapped).subspan(k_nonce)), nullptr, data_key.data(),
                                               data_key.size(), reinterpret_cast<const unsigned char*>(context.data()),
                                               context.size(), nullptr, raw(nonce), key.data());
    return wrapped;
}

std::optional<SecretBytes> unwrap(const KeySlot& slot, const SecretBytes& key, const std::string& context) {
    const std::span<const std::byte> wrapped(slot.wrapped);
    SecretBytes data_key(k_data_key_size);
    const auto sealed = wrapped.subspan(k_nonce);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(data_key.data(), nullptr, nullptr, raw(sealed), sealed.size(),
                                                   reinterpret_cast<const unsigned char*>(context.data()),
                                                   context.size(), raw(wrapped.first(k_nonce)), key.data()) != 0)
        return std::nullopt;
    return data_key;
}

SecretBytes key_of_passphrase(const SecretBytes& passphrase, std::span<const std::byte> salt,
                              const PassphraseCost& cost) {
    SecretBytes key(k_key_size);
    if (crypto_pwhash(key.data(), key.size(), reinterpret_cast<const char*>(passphrase.data()), passphrase.size(),
                      raw(salt), cost.operations, cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0)
        throw Error(Fault::environment, fmt::format("there is no memory for the passphrase, which takes {}",
                                                    human_bytes(cost.memory_bytes)));
    return key;
}

void require_sizes(const KeySlot& slot, SlotKind kind) {
    const std::size_t wrapped = kind == SlotKind::recipient ? k_boxed + crypto_box_SEALBYTES : k_wrapped;
    const std::size_t salt = kind == SlotKind::passphrase ? k_salt : 0;
    if (slot.kind != kind || slot.wrapped.size() != wrapped || slot.salt.size() != salt)
        throw Error(Fault::checkpoint, fmt::format("a key slot of the kind {} is damaged", name_of(slot.kind)));
}

void require_key_size(const SecretBytes& key) {
    if (key.size() != k_key_size)
        throw Error(Fault::internal, fmt::format("a key of {} bytes", key.size()));
}

} // namespace

std::string_view name_of(SlotKind kind) {
    switch (kind) {
    case SlotKind::key:
        break;
    case SlotKind::passphrase:
        return "passphrase";
    case SlotKind::recipient:
        return "recipient";
    }
    return "key";
}

bool PassphraseCost::is_bearable() const noexcept {
    return operations >= 1 && operations <= k_most_operations && memory_bytes >= k_least_memory &&
           memory_bytes <= k_most_memory;
}

std::string secret_key_id(const SecretBytes& key) {
    Sha256Stream digest;
    constexpr std::string_view k_domain = "cedana key id v1\n";
    digest.add(std::as_bytes(std::span(k_domain)));
    digest.add(key.bytes());
    return hex(digest.finish()).substr(0, 16);
}

KeySlot slot_for_key(const Seal& seal, const SecretBytes& key) {
    require_key_size(key);
    return {.kind = SlotKind::key,
            .key_id = secret_key_id(key),
            .wrapped = wrap(seal.data_key(), key, context_of(SlotKind::key, seal.id()))};
}

KeySlot slot_for_passphrase(const Seal& seal, const SecretBytes& passphrase, const PassphraseCost& cost) {
    KeySlot slot{.kind = SlotKind::passphrase, .cost = cost, .salt = std::vector<std::byte>(k_salt)};
    fill_random(slot.salt);
    slot.wrapped = wrap(seal.data_key(), key_of_passphrase(passphrase, slot.salt, cost),
                        context_of(SlotKind::passphrase, seal.id()));
    return slot;
}

KeySlot slot_for_recipient(const Seal& seal, const PublicKey& recipient) {
    KeySlot slot{.kind = SlotKind::recipient,
                 .key_id = recipient.id(),
                 .wrapped = std::vector<std::byte>(k_boxed + crypto_box_SEALBYTES)};
    SecretBytes content(k_boxed);
    std::ranges::copy(seal.data_key().bytes(), content.bytes().begin());
    std::ranges::copy(seal.id(), content.bytes().begin() + k_data_key_size);
    if (crypto_box_seal(raw_out(slot.wrapped), content.data(), content.size(), raw(recipient.bytes)) != 0)
        throw Error(Fault::usage, fmt::format("the recipient's key {} is none", recipient.id()));
    return slot;
}

std::optional<SecretBytes> open_with_key(const KeySlot& slot, const CheckpointId& id, const SecretBytes& key) {
    require_sizes(slot, SlotKind::key);
    require_key_size(key);
    return unwrap(slot, key, context_of(SlotKind::key, id));
}

std::optional<SecretBytes> open_with_passphrase(const KeySlot& slot, const CheckpointId& id,
                                                const SecretBytes& passphrase) {
    require_sizes(slot, SlotKind::passphrase);
    if (!slot.cost.is_bearable())
        throw Error(Fault::checkpoint, fmt::format("a passphrase's slot asks for {} and {} passes, which no dump would",
                                                   human_bytes(slot.cost.memory_bytes), slot.cost.operations));
    return unwrap(slot, key_of_passphrase(passphrase, slot.salt, slot.cost), context_of(SlotKind::passphrase, id));
}

std::optional<SecretBytes> open_with_identity(const KeySlot& slot, const CheckpointId& id,
                                              const SecretBytes& identity) {
    require_sizes(slot, SlotKind::recipient);
    require_key_size(identity);
    const PublicKey recipient = recipient_of(identity);
    SecretBytes content(k_boxed);
    if (crypto_box_seal_open(content.data(), raw(std::span<const std::byte>(slot.wrapped)), slot.wrapped.size(),
                             raw(recipient.bytes), identity.data()) != 0 ||
        !std::ranges::equal(content.bytes().subspan(k_data_key_size), id))
        return std::nullopt;
    return SecretBytes::copy_of(content.bytes().first(k_data_key_size));
}

PublicKey recipient_of(const SecretBytes& identity) {
    PublicKey recipient;
    crypto_scalarmult_base(raw_out(recipient.bytes), identity.data());
    return recipient;
}

} // namespace cedana
