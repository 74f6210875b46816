// SPDX-License-Identifier: Apache-2.0
// Keys as text, one a line: "ed25519 BASE64 COMMENT" is whom to trust, "ed25519-private BASE64" what signs; "x25519 …"
// is a recipient of encrypted checkpoints, "x25519-private …" what opens them. A line names what it is for, so that one
// in the wrong place is told from a damaged one. Pure: reads no file.
#pragma once

#include "cedana/base/secret_bytes.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// ed25519: signs. x25519: receives.
enum class KeyKind { ed25519, x25519 };

[[nodiscard]] std::string_view name_of(KeyKind kind);

inline constexpr std::size_t k_key_size = 32;

struct PublicKey {
    std::array<std::byte, k_key_size> bytes{};
    // Names nobody vouches for.
    std::string comment = {};

    // 16 hexadecimal digits, of the SHA-256 of the key: short enough to be compared by eye.
    [[nodiscard]] std::string id() const;
    // The comment does not count.
    friend bool operator==(const PublicKey& a, const PublicKey& b) { return a.bytes == b.bytes; }
};

// Without a line feed. Control characters of the comment become spaces.
[[nodiscard]] std::string public_line(KeyKind kind, const PublicKey& key);
// All keys of a file; empty lines and those that begin with # are skipped. `name`: of the file, for messages. Throws
// Error(Fault::usage) with the number of the line for anything else, and if there is none.
[[nodiscard]] std::vector<PublicKey> parse_public_keys(KeyKind kind, std::string_view text, const std::string& name);

// With a line feed.
[[nodiscard]] SecretBytes private_line(KeyKind kind, const SecretBytes& key);
// Throws Error(Fault::usage), in which nothing of `text` stands.
[[nodiscard]] SecretBytes parse_private_key(KeyKind kind, const SecretBytes& text, const std::string& name);

[[nodiscard]] std::string to_base64(std::span<const std::byte> bytes);
// Into all of `out`; false for what to_base64() of as many bytes would not have given.
[[nodiscard]] bool parse_base64(std::string_view text, std::span<std::byte> out);

} // namespace cedana
