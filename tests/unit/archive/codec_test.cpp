// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/codec.hpp"

#include <algorithm>
#include <tuple>

#include <gtest/gtest.h>
#include <zstd.h>

#include "unit/archive/support.hpp"

namespace cedana::testing {

namespace {

std::string decode(Method method, std::span<const std::byte> compressed, std::size_t size) {
    std::string content(size, '\0');
    FrameDecoder().decode(method, compressed, std::as_writable_bytes(std::span(content)));
    return content;
}

std::string decode_entry(Method method, std::string_view compressed, std::size_t size) {
    std::string content(size, '\0');
    FrameDecoder().decode_entry(method, bytes(compressed), std::as_writable_bytes(std::span(content)));
    return content;
}

std::string decode_one_by_one(Method method, const std::vector<std::vector<std::byte>>& frames, std::size_t size) {
    std::string content;
    for (const auto& frame : frames)
        content += decode(method, frame, std::min(k_frame_size, size - content.size()));
    return content;
}

// A frame whose header announces more than the data gives.
std::vector<std::byte> zstd_frame_that_claims(std::uint64_t size) {
    std::vector<std::byte> frame = FrameEncoder(Method::zstd, 1).encode(bytes(mixed_content(70'000)), Position::last);
    // RFC 8878: descriptor at 4, no window byte when there is a single segment, then a size of four bytes.
    for (std::size_t i = 0; i < 4; ++i)
        frame[5 + i] = static_cast<std::byte>(size >> (8 * i));
    return frame;
}

} // namespace

class EveryMethod : public ::testing::TestWithParam<Method> {};
INSTANTIATE_TEST_SUITE_P(Codec, EveryMethod, ::testing::Values(Method::store, Method::deflate, Method::zstd),
                         [](const auto& instance) { return std::string(name_of(instance.param)); });

class EveryMethodAndSize : public ::testing::TestWithParam<std::tuple<Method, std::size_t>> {};
INSTANTIATE_TEST_SUITE_P(Codec, EveryMethodAndSize,
                         ::testing::Combine(::testing::Values(Method::store, Method::deflate, Method::zstd),
                                            ::testing::Values(1, 2, 4096, k_frame_size - 1, k_frame_size,
                                                              k_frame_size + 1, 3 * k_frame_size + 12345)));

TEST_P(EveryMethodAndSize, FramesDecodeEachAlone) {
    const auto [method, size] = GetParam();
    const std::string content = mixed_content(size);
    EXPECT_TRUE(decode_one_by_one(method, encode_frames(content, method), size) == content);
}

TEST_P(EveryMethodAndSize, AllFramesInARowAreOneStream) {
    const auto [method, size] = GetParam();
    const std::string content = mixed_content(size);
    EXPECT_TRUE(decode_entry(method, join(encode_frames(content, method)), size) == content);
}

TEST_P(EveryMethodAndSize, NoFrameIsLargerThanTheBound) {
    const auto [method, size] = GetParam();
    const auto frames = encode_frames(mixed_content(size), method, 0);
    EXPECT_TRUE(std::ranges::all_of(frames, [](const auto& f) { return f.size() <= compressed_bound(k_frame_size); }));
}

TEST_P(EveryMethod, NothingIsAnEntryToo) {
    const auto encoded = FrameEncoder(GetParam(), 1).encode({}, Position::last);
    EXPECT_EQ(decode_entry(GetParam(), text_of(encoded), 0), "");
    EXPECT_EQ(decode(GetParam(), encoded, 0), "");
}

TEST_P(EveryMethod, AnyLevelIsTaken) {
    const std::string content = mixed_content(50'000);
    EXPECT_EQ(decode(GetParam(), encode_frames(content, GetParam(), -1000).front(), content.size()), content);
    EXPECT_EQ(decode(GetParam(), encode_frames(content, GetParam(), 1000).front(), content.size()), content);
}

TEST_P(EveryMethod, ALargerFrameIsAMistakeOfTheCaller) {
    const std::string content(k_frame_size + 1, 'x');
    FrameEncoder encoder(GetParam(), 1);
    EXPECT_EQ(outcome_of([&] { static_cast<void>(encoder.encode(bytes(content), Position::last)); }).fault,
              Fault::internal);
}

TEST_P(EveryMethod, AFrameOfAnotherSizeThanExpectedIsRefused) {
    const auto frame = encode_frames(mixed_content(50'000), GetParam()).front();
    EXPECT_EQ(outcome_of([&] { decode(GetParam(), frame, 49'999); }).fault, Fault::checkpoint);
    EXPECT_EQ(outcome_of([&] { decode(GetParam(), frame, 50'001); }).fault, Fault::checkpoint);
    EXPECT_EQ(outcome_of([&] { decode(GetParam(), frame, 0); }).fault, Fault::checkpoint);
}

TEST_P(EveryMethod, ATruncatedFrameIsRefused) {
    auto frame = encode_frames(mixed_content(50'000), GetParam()).front();
    frame.pop_back();
    EXPECT_EQ(outcome_of([&] { decode(GetParam(), frame, 50'000); }).fault, Fault::checkpoint);
    frame.resize(frame.size() / 2);
    EXPECT_EQ(outcome_of([&] { decode(GetParam(), frame, 50'000); }).fault, Fault::checkpoint);
    EXPECT_EQ(outcome_of([&] { decode(GetParam(), {}, 50'000); }).fault, Fault::checkpoint);
}

TEST_P(EveryMethod, WhatFollowsAFrameIsRefused) {
    auto frame = encode_frames(mixed_content(50'000), GetParam()).front();
    frame.push_back(std::byte{0});
    EXPECT_EQ(outcome_of([&] { decode(GetParam(), frame, 50'000); }).fault, Fault::checkpoint);
    EXPECT_EQ(outcome_of([&] { decode_entry(GetParam(), text_of(frame), 50'000); }).fault, Fault::checkpoint);
}

TEST_P(EveryMethod, ADecoderWorksAfterARefusal) {
    const std::string content = mixed_content(50'000);
    const auto frame = encode_frames(content, GetParam()).front();
    FrameDecoder decoder;
    std::string out(content.size(), '\0');
    const auto room = std::as_writable_bytes(std::span(out));
    EXPECT_EQ(outcome_of([&] { decoder.decode(GetParam(), std::span(frame).first(100), room); }).fault,
              Fault::checkpoint);
    decoder.decode(GetParam(), frame, room);
    EXPECT_EQ(out, content);
}

TEST_P(EveryMethod, NamesAreReadBack) {
    Method by_name{};
    Method by_number{};
    EXPECT_TRUE(parse_method(name_of(GetParam()), by_name));
    EXPECT_TRUE(parse_method(static_cast<std::uint16_t>(GetParam()), by_number));
    EXPECT_EQ(by_name, GetParam());
    EXPECT_EQ(by_number, GetParam());
}

TEST(Codec, OtherMethodsAreUnknown) {
    Method method = Method::zstd;
    EXPECT_FALSE(parse_method("lzma", method));
    EXPECT_FALSE(parse_method(std::uint16_t{14}, method));
    EXPECT_EQ(method, Method::zstd);
}

TEST(Codec, ADeflateEntryWithoutItsLastFrameIsRefused) {
    auto frames = encode_frames(mixed_content(2 * k_frame_size), Method::deflate);
    frames.pop_back();
    EXPECT_EQ(outcome_of([&] { decode_entry(Method::deflate, join(frames), k_frame_size); }).fault, Fault::checkpoint);
}

TEST(Codec, ADeflateFrameThatRefersToAnEarlierOneIsRefused) {
    // A fixed block with a match of length 3 at distance 1, before anything was there: bits 1 10 0000001 00000.
    const std::string frame{'\x03', '\x02', '\x00'};
    EXPECT_EQ(outcome_of([&] { decode(Method::deflate, bytes(frame), 3); }).fault, Fault::checkpoint);
}

TEST(Codec, AZstdFrameStatesItsSizeAndHasNoChecksum) {
    const auto frame = encode_frames(mixed_content(70'000), Method::zstd).front();
    EXPECT_EQ(ZSTD_getFrameContentSize(frame.data(), frame.size()), 70'000U);
    // RFC 8878: bit 2 of the descriptor tells of a checksum.
    EXPECT_EQ(frame[4] & std::byte{4}, std::byte{0});
}

TEST(Codec, AZstdFrameThatLiesAboutItsSizeIsRefused) {
    EXPECT_EQ(outcome_of([] { decode(Method::zstd, zstd_frame_that_claims(0xffffffff), 70'000); }).fault,
              Fault::checkpoint);
    EXPECT_EQ(outcome_of([] { decode(Method::zstd, zstd_frame_that_claims(1), 70'000); }).fault, Fault::checkpoint);
}

TEST(Codec, TwoZstdFramesAreNotOne) {
    const std::string content = mixed_content(1000);
    const auto frame = encode_frames(content, Method::zstd).front();
    const std::string two = text_of(frame) + text_of(frame);
    EXPECT_EQ(outcome_of([&] { decode(Method::zstd, bytes(two), 2000); }).fault, Fault::checkpoint);
    EXPECT_EQ(decode_entry(Method::zstd, two, 2000), content + content);
}

TEST(Codec, ASkippableFrameIsNoFrameOfAnImage) {
    const std::string skippable{'\x5e', '\x2a', '\x4d', '\x18', '\0', '\0', '\0', '\0'};
    EXPECT_EQ(outcome_of([&] { decode(Method::zstd, bytes(skippable), 10); }).fault, Fault::checkpoint);
}

TEST(Codec, ZstdBeforeItsFirstReleaseIsRefused) {
    const std::string version_0_7{'\x27', '\xb5', '\x2f', '\xfd', '\0', '\0', '\0', '\0', '\0', '\0'};
    EXPECT_NE(outcome_of([&] { decode(Method::zstd, bytes(version_0_7), 10); }).message.find("not a zstd frame"),
              std::string::npos);
}

} // namespace cedana::testing
