// SPDX-License-Identifier: Apache-2.0
#include "cedana/keys/key_text.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

#include <sodium.h>

namespace cedana {

namespace {

constexpr int k_variant = sodium_base64_VARIANT_ORIGINAL;
constexpr std::string_view k_private = "-private";

std::string_view take_word(std::string_view& text) {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    const std::string_view word = text.substr(0, end);
    text = trim(text.substr(end));
    return word;
}

// Of `cedana config keygen`.
std::string_view option_of(KeyKind kind) { return kind == KeyKind::x25519 ? " --recipient" : ""; }

std::string_view as_text(const SecretBytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.bytes().data()), bytes.size()};
}

} // namespace

std::string_view name_of(KeyKind kind) {
    switch (kind) {
    case KeyKind::ed25519:
        break;
    case KeyKind::x25519:
        return "x25519";
    }
    return "ed25519";
}

std::string PublicKey::id() const { return hex(sha256(bytes)).substr(0, 16); }

std::string to_base64(std::span<const std::byte> bytes) {
    std::string text(sodium_base64_ENCODED_LEN(bytes.size(), k_variant), '\0');
    sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                      k_variant);
    // It ends with a NUL.
    text.pop_back();
    return text;
}

bool parse_base64(std::string_view text, std::span<std::byte> out) {
    std::size_t size = 0;
    // Bits that no byte needs must be zero, and nothing may follow.
    return text.size() == sodium_base64_ENCODED_LEN(out.size(), k_variant) - 1 &&
           sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(),
                             nullptr, &size, nullptr, k_variant) == 0 &&
           size == out.size();
}

std::string public_line(KeyKind kind, const PublicKey& key) {
    std::string comment = key.comment;
    std::ranges::replace_if(
        comment, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    return fmt::format("{} {}{}{}", name_of(kind), to_base64(key.bytes), comment.empty() ? "" : " ", comment);
}

std::vector<PublicKey> parse_public_keys(KeyKind kind, std::string_view text, const std::string& name) {
    std::vector<PublicKey> keys;
    std::size_t number = 0;
    for (const std::string& line : split(text, '\n')) {
        ++number;
        std::string_view rest = trim(line);
        if (rest.empty() || rest.starts_with('#'))
            continue;
        const std::string_view word = take_word(rest);
        const std::string_view encoded = take_word(rest);
        PublicKey key{.comment = std::string(rest)};
        if (word != name_of(kind) || !parse_base64(encoded, key.bytes))
            throw Error(Fault::usage, fmt::format("{}:{} is no public key", printable(name), number))
                .hint(fmt::format("expected: {} and 44 characters, as in the .pub file of `cedana config keygen{}`",
                                  name_of(kind), option_of(kind)));
        keys.push_back(std::move(key));
    }
    if (keys.empty())
        throw Error(Fault::usage, fmt::format("{} holds no key", printable(name)))
            .hint("put public keys into it, one a line, or leave the setting empty");
    return keys;
}

SecretBytes private_line(KeyKind kind, const SecretBytes& key) {
    const std::string begin = fmt::format("{}{} ", name_of(kind), k_private);
    const std::size_t encoded = sodium_base64_ENCODED_LEN(key.size(), k_variant);
    SecretBytes line(begin.size() + encoded);
    std::ranges::copy(std::as_bytes(std::span(begin)), line.bytes().begin());
    auto* const end = reinterpret_cast<char*>(line.data() + begin.size());
    sodium_bin2base64(end, encoded, key.data(), key.size(), k_variant);
    // In place of its NUL.
    end[encoded - 1] = '\n';
    return line;
}

SecretBytes parse_private_key(KeyKind kind, const SecretBytes& text, const std::string& name) {
    std::string_view rest = trim(as_text(text));
    SecretBytes key(k_key_size);
    if (take_word(rest) != fmt::format("{}{}", name_of(kind), k_private) ||
        !parse_base64(take_word(rest), key.bytes()) || !rest.empty())
        throw Error(Fault::usage, fmt::format("{} is no private key of the kind {}", printable(name), name_of(kind)))
            .hint(fmt::format("`cedana config keygen{} FILE` makes one", option_of(kind)));
    return key;
}

} // namespace cedana
