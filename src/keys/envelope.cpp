// SPDX-License-Identifier: Apache-2.0
#include "cedana/keys/envelope.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using Json = nlohmann::json;

constexpr std::string_view k_cipher = "xchacha20-poly1305";
constexpr std::string_view k_derivation = "argon2id";
constexpr std::size_t k_longest = 1024UL * 1024;
constexpr std::size_t k_most_slots = 256;
// Each that is tried takes up to some seconds; a dump makes one.
constexpr std::ptrdiff_t k_most_passphrases = 4;
constexpr int k_deepest = 8;
constexpr std::array k_kinds = {SlotKind::key, SlotKind::passphrase, SlotKind::recipient};

[[noreturn]] void refuse(const std::string& what) {
    throw Error(Fault::checkpoint, fmt::format("the envelope of the encrypted checkpoint is not usable: {}", what));
}

std::vector<std::byte> bytes_of(const Json& json, std::size_t size) {
    std::vector<std::byte> bytes(size);
    if (!parse_base64(json.get_ref<const std::string&>(), bytes))
        refuse(fmt::format("something that should be {} bytes in base64 is none", size));
    return bytes;
}

std::uint64_t number_of(const Json& json) {
    if (!json.is_number_unsigned())
        refuse("something that should be a number is none");
    return json.get<std::uint64_t>();
}

SlotKind kind_of(const Json& json) {
    const auto* const kind =
        std::ranges::find(k_kinds, json.get_ref<const std::string&>(), [](SlotKind one) { return name_of(one); });
    if (kind == k_kinds.end())
        refuse("a key slot is of an unknown kind");
    return *kind;
}

nlohmann::ordered_json to_json(const KeySlot& slot) {
    nlohmann::ordered_json json = {{"kind", name_of(slot.kind)}};
    if (slot.kind == SlotKind::passphrase) {
        json["derivation"] = k_derivation;
        json["operations"] = slot.cost.operations;
        json["memory_bytes"] = slot.cost.memory_bytes;
        json["salt"] = to_base64(slot.salt);
    } else {
        json["key_id"] = slot.key_id;
    }
    json["wrapped"] = to_base64(slot.wrapped);
    return json;
}

// The sizes by kind are those of key_slots.cpp, which looks at them again.
KeySlot slot_of(const Json& json) {
    constexpr std::size_t k_salt = 16;
    constexpr std::size_t k_wrapped = 24 + k_data_key_size + k_seal_size;
    constexpr std::size_t k_boxed = 48 + k_data_key_size + std::tuple_size_v<CheckpointId>;
    KeySlot slot{.kind = kind_of(json.at("kind"))};
    slot.wrapped = bytes_of(json.at("wrapped"), slot.kind == SlotKind::recipient ? k_boxed : k_wrapped);
    if (slot.kind != SlotKind::passphrase) {
        slot.key_id = json.at("key_id").get<std::string>();
        return slot;
    }
    if (json.at("derivation").get_ref<const std::string&>() != k_derivation)
        refuse("a passphrase is derived in an unknown way");
    slot.cost = {.operations = number_of(json.at("operations")), .memory_bytes = number_of(json.at("memory_bytes"))};
    slot.salt = bytes_of(json.at("salt"), k_salt);
    return slot;
}

Envelope from_json(const Json& json) {
    if (number_of(json.at("format_version")) != k_envelope_version)
        throw Error(Fault::checkpoint, "the encrypted checkpoint has a format version that is not known here")
            .hint("restore it with the version of cedana that made it");
    if (json.at("cipher").get_ref<const std::string&>() != k_cipher)
        refuse("it is encrypted in an unknown way");
    Envelope envelope;
    std::ranges::copy(bytes_of(json.at("id"), envelope.id.size()), envelope.id.begin());
    if (!parse_hex(json.at("key_check").get_ref<const std::string&>(), envelope.key_check))
        refuse("its key_check is no SHA-256");
    const Json& slots = json.at("key_slots");
    if (!slots.is_array() || slots.empty() || slots.size() > k_most_slots)
        refuse(fmt::format("it has no key slots, or more than {}", k_most_slots));
    for (const Json& slot : slots)
        envelope.slots.push_back(slot_of(slot));
    if (std::ranges::count(envelope.slots, SlotKind::passphrase, &KeySlot::kind) > k_most_passphrases)
        refuse(fmt::format("it has more than {} slots of passphrases", k_most_passphrases));
    envelope.digests = json.at("digests").get<std::map<std::string, std::string>>();
    return envelope;
}

} // namespace

Sha256 key_check_of(const CheckpointId& id, const SecretBytes& data_key) {
    constexpr std::string_view k_domain = "cedana data key v1\n";
    Sha256Stream digest;
    digest.add(std::as_bytes(std::span(k_domain)));
    digest.add(id);
    digest.add(data_key.bytes());
    return digest.finish();
}

std::string write_envelope(const Envelope& envelope) {
    nlohmann::ordered_json json;
    json["format_version"] = k_envelope_version;
    json["id"] = to_base64(envelope.id);
    json["cipher"] = k_cipher;
    json["key_check"] = hex(envelope.key_check);
    json["key_slots"] = nlohmann::ordered_json::array();
    for (const KeySlot& slot : envelope.slots)
        json["key_slots"].push_back(to_json(slot));
    json["digests"] = envelope.digests;
    return json.dump(2) + "\n";
}

Envelope parse_envelope(std::string_view text) {
    const auto require_depth = [](int depth, Json::parse_event_t, const Json&) {
        if (depth > k_deepest)
            refuse(fmt::format("it is nested more than {} deep", k_deepest));
        return true;
    };
    if (text.size() > k_longest)
        refuse(fmt::format("it is larger than {} bytes", k_longest));
    try {
        return from_json(Json::parse(text, require_depth));
    } catch (const Json::exception& error) {
        refuse(printable(error.what()));
    }
}

} // namespace cedana
