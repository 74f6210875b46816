// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/checksums.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "unit/archive/support.hpp"

namespace cedana::testing {

TEST(Checksums, Sha256IsThatOfTheStandard) {
    // FIPS 180-2, appendix B.1
    EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Checksums, AStreamOfPiecesHasTheDigestOfTheWhole) {
    Sha256Stream stream;
    stream.add(bytes("a"));
    stream.add(bytes(""));
    stream.add(bytes("bc"));
    EXPECT_EQ(stream.finish(), sha256("abc"));
}

TEST(Checksums, AFinishedStreamBeginsAnew) {
    Sha256Stream stream;
    stream.add(bytes("something else"));
    static_cast<void>(stream.finish());
    stream.add(bytes("abc"));
    EXPECT_EQ(stream.finish(), sha256("abc"));
}

TEST(Checksums, HexIsReadBack) {
    Sha256 digest{};
    ASSERT_TRUE(parse_hex(hex(sha256("abc")), digest));
    EXPECT_EQ(digest, sha256("abc"));
}

TEST(Checksums, OnlySixtyFourLowerCaseDigitsAreHex) {
    const std::string good = hex(sha256("abc"));
    Sha256 digest = sha256("untouched");
    EXPECT_FALSE(parse_hex("", digest));
    EXPECT_FALSE(parse_hex(good.substr(1), digest));
    EXPECT_FALSE(parse_hex(good + "0", digest));
    EXPECT_FALSE(parse_hex("B" + good.substr(1), digest));
    EXPECT_FALSE(parse_hex("g" + good.substr(1), digest));
    EXPECT_FALSE(parse_hex("-" + good.substr(1), digest));
    EXPECT_EQ(digest, sha256("untouched"));
}

TEST(Checksums, Crc32IsThatOfZip) {
    EXPECT_EQ(crc32_of(bytes("123456789")), 0xcbf43926U);
    EXPECT_EQ(crc32_of({}), 0U);
}

namespace {

// A bit at a time, as APPNOTE.TXT says it.
std::uint32_t slow_crc(std::span<const std::byte> data, std::uint32_t start) {
    std::uint32_t crc = ~start;
    for (const std::byte byte : data) {
        crc ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit)
            crc = crc >> 1U ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
    }
    return ~crc;
}

} // namespace

TEST(Checksums, Crc32IsRightAtEachLengthAndPlace) {
    std::mt19937 random(1);
    std::vector<std::byte> data(400);
    for (std::byte& byte : data)
        byte = static_cast<std::byte>(random());
    for (std::size_t at = 0; at <= 16; ++at)
        for (std::size_t length = 0; at + length <= data.size(); ++length) {
            const auto piece = std::span(data).subspan(at, length);
            ASSERT_EQ(crc32_of(piece, 77), slow_crc(piece, 77)) << length << " bytes from " << at;
        }
}

TEST(Checksums, Crc32GoesOnFromAnEarlierPiece) {
    EXPECT_EQ(crc32_of(bytes("6789"), crc32_of(bytes("12345"))), crc32_of(bytes("123456789")));
    EXPECT_EQ(crc32_of({}, 77), 77U);
}

TEST(Checksums, Crc32OfPiecesIsJoined) {
    EXPECT_EQ(crc32_join(crc32_of(bytes("12345")), crc32_of(bytes("6789")), 4), crc32_of(bytes("123456789")));
    EXPECT_EQ(crc32_join(crc32_of(bytes("12345")), crc32_of({}), 0), crc32_of(bytes("12345")));
}

} // namespace cedana::testing
