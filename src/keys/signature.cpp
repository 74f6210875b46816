// SPDX-License-Identifier: Apache-2.0
#include "cedana/keys/signature.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <sodium.h>

#include "raw_bytes.hpp"

namespace cedana {

namespace {

constexpr std::string_view k_first_line = "cedana-signature 1";
// A signature made for something else with the same key must never fit a checkpoint.
constexpr std::string_view k_domain = "cedana checkpoint v1\n";

static_assert(crypto_sign_PUBLICKEYBYTES == k_key_size && crypto_sign_SEEDBYTES == k_key_size);

std::string message_of(std::string_view manifest) { return std::string(k_domain).append(manifest); }

const unsigned char* raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

} // namespace

SigningKey SigningKey::generate() { return SigningKey(SecretBytes::random(k_key_size)); }

SigningKey::SigningKey(SecretBytes seed) : seed_(std::move(seed)), secret_(crypto_sign_SECRETKEYBYTES) {
    if (seed_.size() != k_key_size)
        throw Error(Fault::internal, "a signing key of another size");
    crypto_sign_seed_keypair(raw_out(public_key_.bytes), secret_.data(), seed_.data());
}

std::string SigningKey::sign(std::string_view manifest) const {
    Signature signature{.key = public_key_};
    const std::string message = message_of(manifest);
    crypto_sign_detached(raw_out(signature.bytes), nullptr, raw(message), message.size(), secret_.data());
    return fmt::format("{}\n{}\n{}\n", k_first_line, public_line(KeyKind::ed25519, {.bytes = signature.key.bytes}),
                       to_base64(signature.bytes));
}

bool Signature::fits(std::string_view manifest) const {
    prepare_sodium();
    const std::string message = message_of(manifest);
    return crypto_sign_verify_detached(raw(bytes), raw(message), message.size(), raw(key.bytes)) == 0;
}

Signature parse_signature(std::string_view text) {
    const std::string kind = fmt::format("{} ", name_of(KeyKind::ed25519));
    const std::vector<std::string> lines = split(text, '\n');
    Signature signature;
    const bool is_one = lines.size() == 4 && lines[0] == k_first_line && lines[1].starts_with(kind) &&
                        parse_base64(std::string_view(lines[1]).substr(kind.size()), signature.key.bytes) &&
                        parse_base64(lines[2], signature.bytes) && lines[3].empty();
    if (!is_one)
        throw Error(Fault::checkpoint, "its signature is damaged: not one of version 1");
    return signature;
}

} // namespace cedana
