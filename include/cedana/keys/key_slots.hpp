// SPDX-License-Identifier: Apache-2.0
// Ways to a checkpoint's data key. Each slot holds it, wrapped for somebody: whoever has a key of 32 bytes
// (XChaCha20-Poly1305), whoever knows a passphrase (Argon2id, then the same), or whoever has the private half of a
// recipient's key (sealed boxes of libsodium: X25519 and XSalsa20-Poly1305), which the dumping host need not have.
//
// A slot is bound to the id of its checkpoint.
#pragma once

#include "cedana/base/secret_bytes.hpp"
#include "cedana/keys/key_text.hpp"
#include "cedana/keys/seal.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

enum class SlotKind { key, passphrase, recipient };

[[nodiscard]] std::string_view name_of(SlotKind kind);

// How much work a passphrase takes (Argon2id). What a hostile slot asks for is bounded, so that it can neither take all
// memory nor an hour.
struct PassphraseCost {
    std::uint64_t operations = 3;
    std::uint64_t memory_bytes = 256UL * 1024 * 1024;

    static constexpr std::uint64_t k_most_operations = 8;
    static constexpr std::uint64_t k_most_memory = 1024UL * 1024 * 1024;
    static constexpr std::uint64_t k_least_memory = 8UL * 1024;
    [[nodiscard]] bool is_bearable() const noexcept;

    friend bool operator==(const PassphraseCost&, const PassphraseCost&) = default;
};

struct KeySlot {
    SlotKind kind = SlotKind::key;
    // Of the key that opens it, 16 hexadecimal digits; empty for a passphrase.
    std::string key_id = {};
    PassphraseCost cost = {};
    // Of a passphrase.
    std::vector<std::byte> salt = {};
    std::vector<std::byte> wrapped = {};

    friend bool operator==(const KeySlot&, const KeySlot&) = default;
};

// What keys of 32 bytes are called by; nothing of the key follows from it.
[[nodiscard]] std::string secret_key_id(const SecretBytes& key);

[[nodiscard]] KeySlot slot_for_key(const Seal& seal, const SecretBytes& key);
// Throws Error(Fault::environment) when there is no memory for it.
[[nodiscard]] KeySlot slot_for_passphrase(const Seal& seal, const SecretBytes& passphrase, const PassphraseCost& cost);
[[nodiscard]] KeySlot slot_for_recipient(const Seal& seal, const PublicKey& recipient);

// The data key; none if this key does not open it. Throws Error(Fault::checkpoint) for a slot that no slot_for_...()
// has made, Error(Fault::environment) as above.
[[nodiscard]] std::optional<SecretBytes> open_with_key(const KeySlot& slot, const CheckpointId& id,
                                                       const SecretBytes& key);
[[nodiscard]] std::optional<SecretBytes> open_with_passphrase(const KeySlot& slot, const CheckpointId& id,
                                                              const SecretBytes& passphrase);
// `identity`: the private half, k_key_size bytes.
[[nodiscard]] std::optional<SecretBytes> open_with_identity(const KeySlot& slot, const CheckpointId& id,
                                                            const SecretBytes& identity);

// The public half of a recipient's key.
[[nodiscard]] PublicKey recipient_of(const SecretBytes& identity);

} // namespace cedana
