// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/keyring.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/storage/key_file.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

constexpr const char* k_trusted_keys = "security.trusted_keys";
constexpr const char* k_signing_key = "security.signing_key";

std::string_view as_text(const SecretBytes& content) {
    return {reinterpret_cast<const char*>(content.bytes().data()), content.size()};
}

std::vector<PublicKey> read_public_keys(const std::string& file, const char* setting) {
    if (file.empty())
        return {};
    return parse_public_keys(KeyKind::ed25519, as_text(read_key_file(KeyFile::published, file, setting)), file);
}

} // namespace

std::string_view name_of(SignedBy signed_by) {
    switch (signed_by) {
    case SignedBy::nobody:
        break;
    case SignedBy::unchecked:
        return "not checked";
    case SignedBy::trusted:
        return "trusted";
    case SignedBy::other:
        return "other key";
    }
    return "unsigned";
}

Keyring::Keyring(const Config& config)
    : trusted_file_(config.security_trusted_keys), trusted_(read_public_keys(trusted_file_, k_trusted_keys)) {}

SignatureState Keyring::look(const ZipReader& zip, std::string_view manifest) const {
    if (zip.find(k_signature_entry) == nullptr)
        return {};
    const Signature signature = parse_signature(zip.read(k_signature_entry, k_signature_limit));
    if (!signature.fits(manifest))
        throw Error(Fault::checkpoint,
                    fmt::format("{} is damaged, or was changed after it was signed: its signature is not that of its "
                                "manifest",
                                printable(zip.path().string())));
    const bool is_trusted = std::ranges::count(trusted_, signature.key) != 0;
    return {.by = is_trusted    ? SignedBy::trusted
                  : is_strict() ? SignedBy::other
                                : SignedBy::unchecked,
            .key_id = signature.key.id()};
}

void Keyring::require_trusted(const ZipReader& zip, const SignatureState& state) const {
    if (!is_strict() || state.by == SignedBy::trusted)
        return;
    const std::string path = printable(zip.path().string());
    const std::string file = printable(trusted_file_);
    if (state.by == SignedBy::nobody)
        throw Error(Fault::checkpoint,
                    fmt::format("{} is not signed: whoever made it decides what root would run", path))
            .hint(fmt::format(
                "if you know that it is as it was made, sign it: cedana client sign {}; {} ({}) asks for it", path,
                k_trusted_keys, file));
    throw Error(Fault::checkpoint,
                fmt::format("{} is signed by the key {}, which is not trusted here", path, state.key_id))
        .hint(fmt::format("if you trust it, put its public key into {} ({})", file, k_trusted_keys));
}

std::optional<SigningKey> read_signing_key(const Config& config) {
    const std::string& file = config.security_signing_key;
    if (file.empty())
        return std::nullopt;
    return SigningKey(parse_private_key(KeyKind::ed25519, read_key_file(KeyFile::secret, file, k_signing_key), file));
}

} // namespace cedana
