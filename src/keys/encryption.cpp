// SPDX-License-Identifier: Apache-2.0
#include "cedana/keys/encryption.hpp"

#include "cedana/keys/configured_keys.hpp"
#include "cedana/keys/key_slots.hpp"

#include <utility>

namespace cedana {

std::optional<Encryption> prepare_encryption(const Config& config, const SecretBytes* passphrase) {
    const SecretBytes key = read_encryption_key(config);
    const std::vector<PublicKey> recipients = read_recipients(config);
    if (key.empty() && recipients.empty() && passphrase == nullptr)
        return std::nullopt;
    CheckpointId id;
    fill_random(id);
    Encryption encryption{.seal = std::make_shared<Seal>(SecretBytes::random(k_data_key_size), id),
                          .envelope = {.id = id}};
    const Seal& seal = *encryption.seal;
    Envelope& envelope = encryption.envelope;
    envelope.key_check = key_check_of(id, seal.data_key());
    if (!key.empty())
        envelope.slots.push_back(slot_for_key(seal, key));
    for (const PublicKey& recipient : recipients)
        envelope.slots.push_back(slot_for_recipient(seal, recipient));
    if (passphrase != nullptr)
        envelope.slots.push_back(slot_for_passphrase(seal, *passphrase, {}));
    return encryption;
}

} // namespace cedana
