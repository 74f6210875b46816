// SPDX-License-Identifier: Apache-2.0
#include "cedana/keys/signature.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include "unit/archive/support.hpp"

namespace cedana::testing {
namespace {

constexpr std::string_view k_manifest = "{\"format_version\": 1}\n";

std::string_view text_of(const SecretBytes& secret) {
    return {reinterpret_cast<const char*>(secret.bytes().data()), secret.size()};
}

SecretBytes signing_secret(std::string_view text) { return SecretBytes::copy_of(bytes(text)); }

TEST(Signature, FitsWhatWasSignedAndNothingElse) {
    const Signature signature = parse_signature(SigningKey::generate().sign(k_manifest));
    EXPECT_TRUE(signature.fits(k_manifest));
    EXPECT_FALSE(signature.fits("{\"format_version\": 2}\n"));
    EXPECT_FALSE(signature.fits(""));
    EXPECT_FALSE(signature.fits(std::string(k_manifest) + "\n"));
}

// RFC 8032, 7.1: the first test's seed and its public key.
TEST(Signature, IsEd25519) {
    SecretBytes rfc(k_key_size);
    constexpr std::string_view k_digits = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    for (std::size_t i = 0; i < rfc.size(); ++i)
        rfc.bytes()[i] = static_cast<std::byte>(std::stoi(std::string(k_digits.substr(2 * i, 2)), nullptr, 16));
    const SigningKey key(std::move(rfc));
    EXPECT_EQ(to_base64(key.public_key().bytes), "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
}

// With the same key over the same bytes, but for something else than a checkpoint.
TEST(Signature, OfBytesWithoutTheirPrefixDoesNotFit) {
    const SigningKey key = SigningKey::generate();
    const Signature signature = parse_signature(key.sign(k_manifest));
    EXPECT_FALSE(signature.fits("cedana checkpoint v1\n" + std::string(k_manifest)));
}

TEST(Signature, OfAnotherKeyDoesNotFit) {
    Signature signature = parse_signature(SigningKey::generate().sign(k_manifest));
    signature.key = SigningKey::generate().public_key();
    EXPECT_FALSE(signature.fits(k_manifest));
}

TEST(Signature, DoesNotFitWithAnyBitChanged) {
    const Signature signature = parse_signature(SigningKey::generate().sign(k_manifest));
    for (std::size_t i = 0; i < signature.bytes.size(); ++i) {
        Signature changed = signature;
        changed.bytes[i] ^= std::byte{1};
        EXPECT_FALSE(changed.fits(k_manifest)) << i;
    }
}

// Of which the signature of 64 zeros would fit everything if it were taken.
TEST(Signature, OfAKeyOfSmallOrderDoesNotFit) {
    Signature signature;
    signature.key.bytes[0] = std::byte{1};
    signature.bytes[0] = std::byte{1};
    EXPECT_FALSE(signature.fits(k_manifest));
}

TEST(Signature, IsRefusedUnlessItIsWrittenAsItIs) {
    const std::string good = SigningKey::generate().sign(k_manifest);
    const std::size_t second = good.find('\n') + 1;
    const std::size_t third = good.find('\n', second) + 1;
    const std::vector<std::string> bad = {
        "",
        "\n",
        good.substr(0, good.size() - 1),
        good + "\n",
        "cedana-signature 2" + good.substr(second - 1),
        good.substr(0, second) + "rsa" + good.substr(second + 7),
        good.substr(0, third) + "A" + good.substr(third),
        good.substr(0, third) + good.substr(third + 1),
        good.substr(0, third) + " " + good.substr(third),
        good.substr(0, third) + "!" + good.substr(third + 1),
        std::string(10'000, 'A'),
    };
    for (const std::string& text : bad)
        EXPECT_EQ(outcome_of([&] { static_cast<void>(parse_signature(text)); }).fault, Fault::checkpoint) << text;
}

TEST(KeyText, OfAPublicKeyIsReadAsItWasWritten) {
    PublicKey key = SigningKey::generate().public_key();
    key.comment = "root@vm\nx";
    const std::string line = public_line(KeyKind::ed25519, key);
    EXPECT_EQ(std::ranges::count(line, '\n'), 0);
    const std::string file = "# whom we trust\n\n" + line + "\n  " + line + "  \r\n";
    const std::vector<PublicKey> keys = parse_public_keys(KeyKind::ed25519, file, "trusted");
    ASSERT_EQ(keys.size(), 2U);
    EXPECT_EQ(keys[0], key);
    EXPECT_EQ(keys[0].comment, "root@vm x");
    EXPECT_EQ(keys[1], key);
    EXPECT_EQ(key.id().size(), 16U);
}

TEST(KeyText, OfPublicKeysIsRefusedWithTheLineThatIsNone) {
    const SigningKey key = SigningKey::generate();
    const std::string line = public_line(KeyKind::ed25519, key.public_key());
    const std::string secret(text_of(private_line(KeyKind::ed25519, key.seed())));
    for (const std::string& bad : {std::string("x"), line.substr(0, line.size() - 1), line + "A", secret, "ssh-" + line,
                                   line.substr(0, 8) + "=" + line.substr(9)}) {
        const std::string text = fmt::format("{}\n{}\n", line, bad);
        const Outcome outcome =
            outcome_of([&] { static_cast<void>(parse_public_keys(KeyKind::ed25519, text, "trusted")); });
        EXPECT_EQ(outcome.fault, Fault::usage) << bad;
        EXPECT_NE(outcome.message.find("trusted:2"), std::string::npos) << outcome.message;
    }
}

// A file of comments alone must not mean that everybody is trusted.
TEST(KeyText, OfNoPublicKeyIsRefused) {
    for (const char* text : {"", "\n", "# nobody\n"})
        EXPECT_EQ(outcome_of([&] { static_cast<void>(parse_public_keys(KeyKind::ed25519, text, "trusted")); }).fault,
                  Fault::usage);
}

TEST(KeyText, OfAPrivateKeyIsReadAsItWasWritten) {
    const SigningKey key = SigningKey::generate();
    const SecretBytes line = private_line(KeyKind::ed25519, key.seed());
    const SigningKey again(parse_private_key(KeyKind::ed25519, line, "key"));
    EXPECT_EQ(again.public_key(), key.public_key());
}

TEST(KeyText, OfAPrivateKeyIsRefusedWithoutShowingIt) {
    const SigningKey key = SigningKey::generate();
    const std::string line(text_of(private_line(KeyKind::ed25519, key.seed())));
    const std::string encoded = line.substr(line.find(' ') + 1, 20);
    for (const std::string& bad : {std::string(), line.substr(1), line + "x", line.substr(0, line.size() - 3),
                                   public_line(KeyKind::ed25519, key.public_key())}) {
        const Outcome outcome =
            outcome_of([&] { static_cast<void>(parse_private_key(KeyKind::ed25519, signing_secret(bad), "key")); });
        EXPECT_EQ(outcome.fault, Fault::usage) << bad;
        EXPECT_EQ(outcome.message.find(encoded), std::string::npos) << outcome.message;
    }
}

} // namespace
} // namespace cedana::testing
