// SPDX-License-Identifier: Apache-2.0
#include "cedana/keys/configured_keys.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/keys/key_file.hpp"

#include <string>
#include <string_view>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

std::vector<PublicKey> read_public_keys(KeyKind kind, const std::string& file, const char* setting) {
    if (file.empty())
        return {};
    const SecretBytes content = read_key_file(KeyFile::published, file, setting);
    return parse_public_keys(kind, {reinterpret_cast<const char*>(content.bytes().data()), content.size()}, file);
}

SecretBytes read_private_key(KeyKind kind, const std::string& file, const char* setting) {
    return file.empty() ? SecretBytes() : parse_private_key(kind, read_key_file(KeyFile::secret, file, setting), file);
}

} // namespace

std::vector<PublicKey> read_trusted_keys(const Config& config) {
    return read_public_keys(KeyKind::ed25519, config.security_trusted_keys, "security.trusted_keys");
}

std::vector<PublicKey> read_recipients(const Config& config) {
    return read_public_keys(KeyKind::x25519, config.security_recipients, "security.recipients");
}

std::optional<SigningKey> read_signing_key(const Config& config) {
    SecretBytes seed = read_private_key(KeyKind::ed25519, config.security_signing_key, "security.signing_key");
    return seed.empty() ? std::nullopt : std::optional<SigningKey>(std::move(seed));
}

SecretBytes read_encryption_key(const Config& config) {
    const std::string& file = config.security_encryption_key;
    if (file.empty())
        return {};
    SecretBytes key = read_key_file(KeyFile::secret, file, "security.encryption_key");
    if (key.size() != k_key_size)
        throw Error(Fault::usage,
                    fmt::format("{} holds {} bytes, and a key has {}", printable(file), key.size(), k_key_size))
            .hint("`cedana config keygen --encryption FILE` makes one");
    return key;
}

SecretBytes read_identity(const Config& config) {
    return read_private_key(KeyKind::x25519, config.security_identity, "security.identity");
}

} // namespace cedana
