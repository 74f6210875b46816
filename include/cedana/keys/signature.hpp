// SPDX-License-Identifier: Apache-2.0
// The last entry of a signed checkpoint: who vouches for the exact bytes of checkpoint_state.json, and so, by the
// digests in it, for all the rest. Ed25519 of libsodium. Pure: whom to trust is decided elsewhere.
//
// The text, version 1:
//
//   cedana-signature 1
//   ed25519 KEY          the public key, 32 bytes in base64
//   SIGNATURE            64 bytes in base64, over "cedana checkpoint v1\n" and the bytes of checkpoint_state.json
#pragma once

#include "cedana/base/secret_bytes.hpp"
#include "cedana/keys/key_text.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace cedana {

inline constexpr const char* k_signature_entry = "signature";
// More than any has.
inline constexpr std::size_t k_signature_limit = 4096;

class SigningKey {
  public:
    [[nodiscard]] static SigningKey generate();
    // `seed`: k_key_size bytes, what a private key's file holds.
    explicit SigningKey(SecretBytes seed);

    [[nodiscard]] const SecretBytes& seed() const noexcept { return seed_; }
    [[nodiscard]] const PublicKey& public_key() const noexcept { return public_key_; }
    // The content of the entry.
    [[nodiscard]] std::string sign(std::string_view manifest) const;

  private:
    SecretBytes seed_;
    SecretBytes secret_;
    PublicKey public_key_;
};

struct Signature {
    PublicKey key;
    std::array<std::byte, 64> bytes{};

    // Whether it is that key's for these bytes.
    [[nodiscard]] bool fits(std::string_view manifest) const;
};

// Strict: anything that SigningKey::sign() would not have written is Error(Fault::checkpoint).
[[nodiscard]] Signature parse_signature(std::string_view text);

} // namespace cedana
