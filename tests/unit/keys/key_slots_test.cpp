// SPDX-License-Identifier: Apache-2.0
#include "cedana/keys/envelope.hpp"
#include "cedana/keys/key_slots.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "unit/archive/support.hpp"

namespace cedana::testing {
namespace {

using Json = nlohmann::ordered_json;

// As little as Argon2id allows.
constexpr PassphraseCost k_cheap{.operations = 1, .memory_bytes = PassphraseCost::k_least_memory};

SecretBytes secret_of(std::string_view text) { return SecretBytes::copy_of(bytes(text)); }

class KeySlots : public ::testing::Test {
  protected:
    static CheckpointId some_id() {
        CheckpointId id;
        fill_random(id);
        return id;
    }
    void expect_data_key(const std::optional<SecretBytes>& found) const {
        ASSERT_TRUE(found);
        EXPECT_TRUE(std::ranges::equal(found->bytes(), seal.data_key().bytes()));
    }
    static Outcome outcome_of_opening(const KeySlot& slot) {
        return outcome_of([&] { static_cast<void>(open_with_passphrase(slot, {}, secret_of("x"))); });
    }

    const Seal seal{SecretBytes::random(k_data_key_size), some_id()};
    const CheckpointId other_id = some_id();
};

TEST_F(KeySlots, OfAKeyOpenWithThatKeyAlone) {
    const SecretBytes key = SecretBytes::random(k_key_size);
    const KeySlot slot = slot_for_key(seal, key);
    expect_data_key(open_with_key(slot, seal.id(), key));
    EXPECT_FALSE(open_with_key(slot, seal.id(), SecretBytes::random(k_key_size)));
    EXPECT_FALSE(open_with_key(slot, other_id, key));
    EXPECT_EQ(slot.key_id, secret_key_id(key));
}

TEST_F(KeySlots, OfAPassphraseOpenWithThatAlone) {
    const KeySlot slot = slot_for_passphrase(seal, secret_of("correct horse"), k_cheap);
    expect_data_key(open_with_passphrase(slot, seal.id(), secret_of("correct horse")));
    EXPECT_FALSE(open_with_passphrase(slot, seal.id(), secret_of("correct horse ")));
    EXPECT_FALSE(open_with_passphrase(slot, other_id, secret_of("correct horse")));
}

TEST_F(KeySlots, OfARecipientOpenWithItsPrivateKeyAlone) {
    const SecretBytes identity = SecretBytes::random(k_key_size);
    const KeySlot slot = slot_for_recipient(seal, recipient_of(identity));
    expect_data_key(open_with_identity(slot, seal.id(), identity));
    EXPECT_FALSE(open_with_identity(slot, seal.id(), SecretBytes::random(k_key_size)));
    EXPECT_FALSE(open_with_identity(slot, other_id, identity));
    EXPECT_EQ(slot.key_id, recipient_of(identity).id());
}

TEST_F(KeySlots, AreDifferentEachTime) {
    const SecretBytes key = SecretBytes::random(k_key_size);
    EXPECT_NE(slot_for_key(seal, key).wrapped, slot_for_key(seal, key).wrapped);
    EXPECT_NE(slot_for_passphrase(seal, secret_of("a"), k_cheap).salt,
              slot_for_passphrase(seal, secret_of("a"), k_cheap).salt);
}

TEST_F(KeySlots, DoNotOpenWithAnyBitChanged) {
    const SecretBytes key = SecretBytes::random(k_key_size);
    const KeySlot slot = slot_for_key(seal, key);
    for (std::size_t i = 0; i < slot.wrapped.size(); ++i) {
        KeySlot changed = slot;
        changed.wrapped[i] ^= std::byte{1};
        EXPECT_FALSE(open_with_key(changed, seal.id(), key)) << i;
    }
}

TEST_F(KeySlots, OfAPassphraseDoNotOpenWithOtherWorkOrSalt) {
    const KeySlot slot = slot_for_passphrase(seal, secret_of("a"), k_cheap);
    KeySlot other_salt = slot;
    other_salt.salt[0] ^= std::byte{1};
    KeySlot other_work = slot;
    other_work.cost.operations = 2;
    for (const KeySlot& changed : {other_salt, other_work})
        EXPECT_FALSE(open_with_passphrase(changed, seal.id(), secret_of("a")));
}

// They would take all memory, or for ever: neither is tried.
TEST_F(KeySlots, ThatAskForTooMuchAreRefused) {
    const KeySlot slot = slot_for_passphrase(seal, secret_of("a"), k_cheap);
    constexpr std::uint64_t k_endless = std::numeric_limits<std::uint64_t>::max();
    for (const PassphraseCost& cost :
         {PassphraseCost{.operations = 1, .memory_bytes = k_endless},
          PassphraseCost{.operations = 1, .memory_bytes = (1ULL << 30) + 1},
          PassphraseCost{.operations = k_endless, .memory_bytes = 8192},
          PassphraseCost{.operations = 9, .memory_bytes = 8192}, PassphraseCost{.operations = 0, .memory_bytes = 8192},
          PassphraseCost{.operations = 1, .memory_bytes = 0}}) {
        KeySlot changed = slot;
        changed.cost = cost;
        EXPECT_EQ(outcome_of_opening(changed).fault, Fault::checkpoint) << cost.memory_bytes << " " << cost.operations;
    }
}

TEST_F(KeySlots, OfTheWrongSizeOrKindAreRefused) {
    const KeySlot slot = slot_for_passphrase(seal, secret_of("a"), k_cheap);
    KeySlot without_salt = slot;
    without_salt.salt.clear();
    KeySlot cut = slot;
    cut.wrapped.pop_back();
    KeySlot empty = slot;
    empty.wrapped.clear();
    KeySlot of_a_key = slot;
    of_a_key.kind = SlotKind::key;
    for (const KeySlot& bad : {without_salt, cut, empty, of_a_key})
        EXPECT_EQ(outcome_of_opening(bad).fault, Fault::checkpoint);
}

class Envelopes : public KeySlots {
  protected:
    [[nodiscard]] Envelope made() const {
        return {.id = seal.id(),
                .key_check = key_check_of(seal.id(), seal.data_key()),
                .slots = {slot_for_key(seal, SecretBytes::random(k_key_size)),
                          slot_for_passphrase(seal, secret_of("a"), k_cheap),
                          slot_for_recipient(seal, recipient_of(SecretBytes::random(k_key_size)))},
                .digests = {{"index", std::string(64, 'a')}, {"manifest", std::string(64, 'b')}}};
    }
};

TEST_F(Envelopes, AreReadAsTheyWereWritten) {
    const Envelope envelope = made();
    EXPECT_EQ(parse_envelope(write_envelope(envelope)), envelope);
}

TEST_F(Envelopes, HoldNothingOfTheKey) {
    const std::string text = write_envelope(made());
    EXPECT_EQ(text.find(to_base64(seal.data_key().bytes())), std::string::npos);
    EXPECT_EQ(text.find(to_base64(seal.data_key().bytes()).substr(0, 20)), std::string::npos);
}

TEST_F(Envelopes, AreRefusedUnlessTheyMakeSense) {
    const Json good = Json::parse(write_envelope(made()));
    const std::vector<std::function<void(Json&)>> changes = {
        [](Json& json) { json["format_version"] = 1; },
        [](Json& json) { json["format_version"] = "2"; },
        [](Json& json) { json["cipher"] = "none"; },
        [](Json& json) { json["cipher"] = 1; },
        [](Json& json) { json["id"] = ""; },
        [](Json& json) { json["id"] = to_base64(std::vector<std::byte>(17)); },
        [](Json& json) { json.erase("key_check"); },
        [](Json& json) { json["key_check"] = "00"; },
        [](Json& json) { json["key_slots"] = Json::array(); },
        [](Json& json) { json["key_slots"] = Json::object(); },
        [](Json& json) { json["key_slots"] = Json(std::vector<Json>(257, json["key_slots"][0])); },
        [](Json& json) { json["key_slots"] = Json(std::vector<Json>(5, json["key_slots"][1])); },
        [](Json& json) { json["key_slots"][0]["kind"] = "master"; },
        [](Json& json) { json["key_slots"][0]["wrapped"] = "AAAA"; },
        [](Json& json) { json["key_slots"][0].erase("key_id"); },
        [](Json& json) { json["key_slots"][1]["derivation"] = "scrypt"; },
        [](Json& json) { json["key_slots"][1]["salt"] = ""; },
        [](Json& json) { json["key_slots"][1]["operations"] = -1; },
        [](Json& json) { json["key_slots"][1]["memory_bytes"] = 1e9; },
        [](Json& json) { json["digests"] = 1; },
        [](Json& json) { json["digests"]["index"] = 1; },
        [](Json& json) { json["digests"]["index"] = Json::parse("[[[[[[[[[[]]]]]]]]]]"); },
        [](Json& json) { json["more"] = std::string(2'000'000, 'a'); },
        [](Json& json) { json = Json::array(); },
    };
    for (std::size_t i = 0; i < changes.size(); ++i) {
        Json changed = good;
        changes[i](changed);
        EXPECT_EQ(outcome_of([&] { static_cast<void>(parse_envelope(changed.dump())); }).fault, Fault::checkpoint) << i;
    }
    EXPECT_EQ(outcome_of([] { static_cast<void>(parse_envelope("")); }).fault, Fault::checkpoint);
}

} // namespace
} // namespace cedana::testing
