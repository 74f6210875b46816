// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/key_check.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/keys/configured_keys.hpp"
#include "cedana/keys/key_slots.hpp"
#include "cedana/keys/keyring.hpp"

#include <algorithm>
#include <functional>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

constexpr const char* k_trust = "trusted keys";
constexpr const char* k_signing = "signing key";
constexpr const char* k_encryption = "encryption";

Requirement guarded(const char* name, const std::function<Requirement()>& check) {
    try {
        return check();
    } catch (const Error& error) {
        return {.name = name,
                .standing = Standing::bad,
                .found = error.message(),
                .needed = "files of keys that can be used",
                .remedy = error.hint()};
    }
}

Requirement trust_of(const Config& config) {
    const Keyring keyring(config);
    if (!keyring.is_strict())
        return met(k_trust, "security.trusted_keys is not set: a restore runs as root what a checkpoint holds, whoever "
                            "wrote it");
    return met(k_trust, fmt::format("{} in {}: only what they signed is restored", keyring.trusted().size(),
                                    printable(config.security_trusted_keys)));
}

Requirement signing_of(const Config& config) {
    const auto key = read_signing_key(config);
    if (!key)
        return met(k_signing, "security.signing_key is not set: dumps are not signed");
    const std::string id = key->public_key().id();
    const Keyring keyring(config);
    if (!keyring.is_strict() || std::ranges::count(keyring.trusted(), key->public_key()) != 0)
        return met(k_signing, id);
    return {.name = k_signing,
            .standing = Standing::doubtful,
            .found =
                fmt::format("{}, which is not among the trusted keys: what is dumped here is not restored here", id),
            .needed = "a signing key that is trusted",
            .remedy = fmt::format("cat {} >> {}", shell_word(config.security_signing_key + ".pub"),
                                  shell_word(config.security_trusted_keys))};
}

Requirement encryption_of(const Config& config) {
    const SecretBytes key = read_encryption_key(config);
    const std::vector<PublicKey> recipients = read_recipients(config);
    const SecretBytes identity = read_identity(config);
    std::string found;
    if (!key.empty())
        found += fmt::format(", the key {} encrypts and decrypts", secret_key_id(key));
    for (const PublicKey& recipient : recipients)
        found += fmt::format(", dumps are for {}", recipient.id());
    if (!identity.empty())
        found += fmt::format(", what is for {} is decrypted", recipient_of(identity).id());
    return met(k_encryption,
               found.empty() ? "no key is set: dumps are not encrypted, unless with a passphrase" : found.substr(2));
}

} // namespace

std::vector<Requirement> check_keys(const Config& config) {
    return {guarded(k_trust, [&] { return trust_of(config); }), guarded(k_signing, [&] { return signing_of(config); }),
            guarded(k_encryption, [&] { return encryption_of(config); })};
}

} // namespace cedana
