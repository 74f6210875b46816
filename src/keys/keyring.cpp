// SPDX-License-Identifier: Apache-2.0
#include "cedana/keys/keyring.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/keys/configured_keys.hpp"
#include "cedana/keys/signature.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

std::string described(const KeySlot& slot) {
    switch (slot.kind) {
    case SlotKind::key:
        return fmt::format("the key {} (security.encryption_key)", printable(slot.key_id));
    case SlotKind::passphrase:
        return "a passphrase";
    case SlotKind::recipient:
        break;
    }
    return fmt::format("the private key of the recipient {} (security.identity)", printable(slot.key_id));
}

std::string described(const std::vector<KeySlot>& slots) {
    constexpr std::size_t k_most = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(slots.size(), k_most); ++i)
        text += (i == 0 ? "" : ", or ") + described(slots[i]);
    return slots.size() > k_most ? text + ", or one of others" : text;
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

struct Keyring::Secrets {
    // Each is empty where there is none.
    SecretBytes data_key;
    SecretBytes key;
    SecretBytes identity;
    PassphraseSource source;
    std::mutex mutex;
    SecretBytes passphrase;
    // One at a time: each takes much memory.
    std::mutex deriving;

    // Null if it is not known, and nobody is or can be asked.
    const SecretBytes* known_passphrase(bool asks) {
        const std::scoped_lock lock(mutex);
        if (asks && passphrase.empty() && source)
            passphrase = std::exchange(source, {})();
        return passphrase.empty() ? nullptr : &passphrase;
    }

    std::optional<SecretBytes> open(const KeySlot& slot, const CheckpointId& id, bool asks) {
        switch (slot.kind) {
        case SlotKind::key:
            return key.empty() ? std::nullopt : open_with_key(slot, id, key);
        case SlotKind::recipient:
            return identity.empty() ? std::nullopt : open_with_identity(slot, id, identity);
        case SlotKind::passphrase:
            break;
        }
        const SecretBytes* const known = known_passphrase(asks);
        if (known == nullptr)
            return std::nullopt;
        const std::scoped_lock lock(deriving);
        return open_with_passphrase(slot, id, *known);
    }
};

Keyring::Keyring(const Config& config, PassphraseSource source)
    : trusted_file_(config.security_trusted_keys), trusted_(read_trusted_keys(config)),
      secrets_(std::make_shared<Secrets>()) {
    secrets_->key = read_encryption_key(config);
    secrets_->identity = read_identity(config);
    secrets_->source = std::move(source);
}

Keyring::Keyring(const Config& config, SecretBytes passphrase) : Keyring(config) {
    secrets_->passphrase = std::move(passphrase);
}

Keyring Keyring::of_data_key(SecretBytes data_key) {
    Keyring keyring;
    keyring.secrets_ = std::make_shared<Secrets>();
    keyring.secrets_->data_key = std::move(data_key);
    return keyring;
}

bool Keyring::may_ask() const {
    if (!secrets_ || !asks_)
        return false;
    const std::scoped_lock lock(secrets_->mutex);
    return secrets_->source != nullptr;
}

Keyring Keyring::without_asking() const {
    Keyring copy = *this;
    copy.asks_ = false;
    return copy;
}

SignatureState Keyring::check_signature(const std::filesystem::path& checkpoint, std::string_view text,
                                        std::string_view state) const {
    const Signature signature = parse_signature(text);
    if (!signature.fits(state))
        throw Error(Fault::checkpoint,
                    fmt::format("{} is damaged, or was changed after it was signed: its signature is not that of its "
                                "manifest",
                                printable(checkpoint.string())));
    const bool is_trusted = std::ranges::count(trusted_, signature.key) != 0;
    return {.by = is_trusted    ? SignedBy::trusted
                  : is_strict() ? SignedBy::other
                                : SignedBy::unchecked,
            .key_id = signature.key.id()};
}

void Keyring::require_trusted(const std::filesystem::path& checkpoint, const SignatureState& state) const {
    if (!is_strict() || state.by == SignedBy::trusted)
        return;
    const std::string path = printable(checkpoint.string());
    const std::string file = printable(trusted_file_);
    if (state.by == SignedBy::nobody)
        throw Error(Fault::checkpoint,
                    fmt::format("{} is not signed: whoever made it decides what root would run", path))
            .hint(fmt::format("if you know that it is as it was made, sign it: cedana client sign {}; "
                              "security.trusted_keys ({}) asks for it",
                              shell_word(checkpoint.string()), file));
    throw Error(Fault::checkpoint,
                fmt::format("{} is signed by the key {}, which is not trusted here", path, state.key_id))
        .hint(fmt::format("if you trust it, put its public key into {} (security.trusted_keys)", file));
}

std::shared_ptr<const Seal> Keyring::open(const std::filesystem::path& checkpoint, const Envelope& envelope) const {
    if (secrets_ && !secrets_->data_key.empty() && key_check_of(envelope.id, secrets_->data_key) == envelope.key_check)
        return std::make_shared<Seal>(SecretBytes::copy_of(secrets_->data_key.bytes()), envelope.id);
    // A passphrase is asked for, and costs time, so it comes last.
    std::vector<KeySlot> slots = envelope.slots;
    std::stable_partition(slots.begin(), slots.end(),
                          [](const KeySlot& slot) { return slot.kind != SlotKind::passphrase; });
    bool opened = false;
    bool tried_passphrase = false;
    for (const KeySlot& slot : slots) {
        auto data_key = secrets_ ? secrets_->open(slot, envelope.id, asks_) : std::nullopt;
        tried_passphrase |=
            slot.kind == SlotKind::passphrase && secrets_ && secrets_->known_passphrase(false) != nullptr;
        if (!data_key)
            continue;
        opened = true;
        if (key_check_of(envelope.id, *data_key) == envelope.key_check)
            return std::make_shared<Seal>(std::move(*data_key), envelope.id);
    }
    const std::string path = printable(checkpoint.string());
    if (opened)
        throw Error(Fault::checkpoint, fmt::format("{} is damaged: a key slot holds another key than its own", path));
    throw Error(Fault::permission,
                fmt::format("{} is encrypted, and {}", path,
                            tried_passphrase ? "this passphrase does not open it" : "no key here opens it"))
        .cause("it is opened by " + described(envelope.slots))
        .hint(
            "set security.encryption_key or security.identity in /etc/cedana/config.json, or give the passphrase: on a "
            "terminal, or by --passphrase-fd N");
}

} // namespace cedana
