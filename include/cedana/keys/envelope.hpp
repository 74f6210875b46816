// SPDX-License-Identifier: Apache-2.0
// checkpoint_state.json of an encrypted checkpoint: what must be known before anything can be decrypted, and nothing of
// the process. The manifest itself is a sealed entry of its own. Pure: text in, text out.
#pragma once

#include "cedana/base/checksums.hpp"
#include "cedana/keys/key_slots.hpp"
#include "cedana/keys/seal.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

inline constexpr int k_envelope_version = 2;
// By this entry an encrypted checkpoint is told from a plain one, before any JSON is parsed.
inline constexpr const char* k_sealed_manifest_entry = "manifest";

struct Envelope {
    CheckpointId id{};
    // By which the data key is known: without it a hostile envelope could give each slot's owner another one.
    Sha256 key_check{};
    std::vector<KeySlot> slots = {};
    // Entry → SHA-256 of what is stored there, in hexadecimal: the manifest, the indexes, the log.
    std::map<std::string, std::string> digests = {};

    friend bool operator==(const Envelope&, const Envelope&) = default;
};

[[nodiscard]] Sha256 key_check_of(const CheckpointId& id, const SecretBytes& data_key);

[[nodiscard]] std::string write_envelope(const Envelope& envelope);
// Throws Error(Fault::checkpoint) for what is no envelope of the version known here, and for one that asks for too
// much.
[[nodiscard]] Envelope parse_envelope(std::string_view text);

} // namespace cedana
