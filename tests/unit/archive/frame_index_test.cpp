// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_index.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include "unit/archive/support.hpp"

namespace cedana::testing {

namespace {

constexpr std::string_view k_digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

ImageRecord image(const std::string& name, Method method, const std::vector<std::uint32_t>& frame_sizes) {
    ImageRecord record{.name = name, .method = method, .size = 0, .crc = 0, .frames = {}};
    for (const std::uint32_t size : frame_sizes) {
        append_frame(record, method == Method::store ? size : size / 2 + 1, size, sha256(name));
        record.size += size;
        record.crc = 0x12345678;
    }
    return record;
}

FrameIndex small_index() {
    FrameIndex index;
    index.images.insert(image("core-42.img", Method::deflate, {1234}));
    index.images.insert(image("empty.img", Method::store, {}));
    index.images.insert(image("pages-1.img", Method::zstd, {k_frame_size, k_frame_size, 7}));
    index.images.insert(image("with space.img", Method::store, {5}));
    return index;
}

std::string with(std::string_view lines) { return fmt::format("cedana-index 1\n{}end 1\n", lines); }

std::string refusal_of(std::string_view text) {
    const Outcome outcome = outcome_of([&] { static_cast<void>(read_index(text)); });
    return outcome.fault == Fault::checkpoint ? outcome.message : "not refused: " + outcome.message;
}

// Whether a text is refused as it should be, or is exactly what write_index makes of what was read.
bool is_refused_or_canonical(std::string_view text) {
    try {
        return write_index(read_index(text)) == text;
    } catch (const Error& error) {
        return error.fault() == Fault::checkpoint;
    }
}

// All texts that differ from `text` in one byte, by `change`.
bool every_change_is_refused_or_canonical(const std::string& text, unsigned char change) {
    std::string changed = text;
    for (std::size_t i = 0; i < text.size(); ++i) {
        changed[i] = static_cast<char>(static_cast<unsigned char>(text[i]) ^ change);
        if (!is_refused_or_canonical(changed))
            return false;
        changed[i] = text[i];
    }
    return true;
}

struct Damage {
    std::string what;
    std::string text;
};

std::vector<Damage> damages() {
    const auto frame = [](std::uint64_t offset, std::uint64_t compressed, std::uint64_t size) {
        return fmt::format("{} {} {} {}\n", offset, compressed, size, k_digest);
    };
    const std::string whole = with("image zstd 10 0000002a 1 a\n" + frame(0, 9, 10));
    return {
        {"Empty", ""},
        {"OtherVersion", "cedana-index 2\nend 0\n"},
        {"NoEnd", "cedana-index 1\n"},
        {"WrongCount", "cedana-index 1\nend 1\n"},
        {"TextBehindTheEnd", whole + "end 1\n"},
        {"NoLastNewline", whole.substr(0, whole.size() - 1)},
        {"CarriageReturns", "cedana-index 1\r\nend 0\r\n"},
        {"UnknownMethod", with("image lzma 10 0000002a 1 a\n" + frame(0, 9, 10))},
        {"NoName", with("image zstd 10 0000002a 1 \n" + frame(0, 9, 10))},
        {"NameWithSlash", with("image zstd 10 0000002a 1 a/b\n" + frame(0, 9, 10))},
        {"NameThatLeadsUp", with("image zstd 10 0000002a 1 ..\n" + frame(0, 9, 10))},
        {"NameWithControl", with("image zstd 10 0000002a 1 a\tb\n" + frame(0, 9, 10))},
        {"LongName", with("image zstd 10 0000002a 1 " + std::string(256, 'a') + "\n" + frame(0, 9, 10))},
        {"LeadingZero", with("image zstd 010 0000002a 1 a\n" + frame(0, 9, 10))},
        {"Sign", with("image zstd +10 0000002a 1 a\n" + frame(0, 9, 10))},
        {"UpperCaseCrc", with("image zstd 10 0000002A 1 a\n" + frame(0, 9, 10))},
        {"ShortCrc", with("image zstd 10 2a 1 a\n" + frame(0, 9, 10))},
        {"NumberTooLarge", with("image zstd 18446744073709551616 0000002a 1 a\n" + frame(0, 9, 10))},
        {"FramesMissing", with("image zstd 20 0000002a 1 a\n" + frame(0, 9, 10))},
        {"MoreFramesThanLines", with("image zstd 10 0000002a 18446744073709551615 a\n" + frame(0, 9, 10))},
        {"FrameTooLarge",
         with(fmt::format("image zstd {0} 0000002a 1 a\n", 2 * k_frame_size) + frame(0, 9, 2 * k_frame_size))},
        {"ShortFrameFirst", with("image zstd 20 0000002a 2 a\n" + frame(0, 9, 10) + frame(9, 9, 10))},
        {"FrameOfNothing", with("image zstd 0 00000000 1 a\n" + frame(0, 9, 0))},
        {"CompressedToNothing", with("image zstd 10 0000002a 1 a\n" + frame(0, 0, 10))},
        {"CompressedToMore", with("image zstd 10 0000002a 1 a\n" + frame(0, 4'000'000'000, 10))},
        {"GapInFront", with("image zstd 10 0000002a 1 a\n" + frame(1, 9, 10))},
        {"Overlap", with(fmt::format("image zstd {} 0000002a 2 a\n", k_frame_size + 1) + frame(0, 9, k_frame_size) +
                         frame(8, 9, 1))},
        {"StoredSizesDiffer", with("image store 10 0000002a 1 a\n" + frame(0, 9, 10))},
        {"EmptyWithCrc", with("image store 0 0000002a 0 a\n")},
        {"ShortDigest", with("image zstd 10 0000002a 1 a\n0 9 10 ba7816bf\n")},
        {"TwiceTheSame", "cedana-index 1\nimage store 0 00000000 0 a\nimage store 0 00000000 0 a\nend 2\n"},
        {"OutOfOrder", "cedana-index 1\nimage store 0 00000000 0 b\nimage store 0 00000000 0 a\nend 2\n"},
    };
}

} // namespace

TEST(FrameIndex, IsReadBackAsItWasWritten) { EXPECT_EQ(read_index(write_index(small_index())), small_index()); }

TEST(FrameIndex, OfNoImagesIsReadBack) { EXPECT_EQ(read_index(write_index({})), FrameIndex()); }

TEST(FrameIndex, HasTheDocumentedText) {
    FrameIndex index;
    ImageRecord record{.name = "a b", .method = Method::zstd, .size = 10, .crc = 42, .frames = {}};
    append_frame(record, 9, 10, sha256("abc"));
    index.images.insert(record);
    EXPECT_EQ(write_index(index), with(fmt::format("image zstd 10 0000002a 1 a b\n0 9 10 {}\n", k_digest)));
}

TEST(FrameIndex, FindsAnImageByItsName) {
    const FrameIndex index = small_index();
    ASSERT_NE(index.find("pages-1.img"), nullptr);
    EXPECT_EQ(index.find("pages-1.img")->frames.size(), 3U);
    EXPECT_EQ(index.find("pages-2.img"), nullptr);
}

TEST(FrameIndex, AppendedFramesLieOneBehindTheOther) {
    const ImageRecord record = image("pages-1.img", Method::store, {k_frame_size, k_frame_size, 7});
    EXPECT_EQ(record.frames[1].offset, k_frame_size);
    EXPECT_EQ(record.frames[2].offset, 2 * k_frame_size);
}

TEST(FrameIndex, AnIndexThatNobodyWouldReadIsNotWritten) {
    FrameIndex index;
    index.images.insert(image("a/b", Method::zstd, {5}));
    EXPECT_EQ(outcome_of([&] { static_cast<void>(write_index(index)); }).fault, Fault::internal);
}

class DamagedIndex : public ::testing::TestWithParam<Damage> {};
INSTANTIATE_TEST_SUITE_P(FrameIndex, DamagedIndex, ::testing::ValuesIn(damages()),
                         [](const auto& instance) { return instance.param.what; });

TEST_P(DamagedIndex, IsRefusedWithTheLine) {
    EXPECT_EQ(refusal_of(GetParam().text).rfind("the index is damaged in line ", 0), 0U) << refusal_of(GetParam().text);
}

TEST(FrameIndex, EveryTruncationIsRefused) {
    const std::string text = write_index(small_index());
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_NE(refusal_of(text.substr(0, size)).rfind("not refused", 0), 0U) << size;
}

TEST(FrameIndex, EveryChangedByteIsRefusedOrGivesAnotherSoundIndex) {
    const std::string text = write_index(small_index());
    for (const unsigned change : {1U, 2U, 4U, 8U, 16U, 32U, 64U, 128U, 255U})
        EXPECT_TRUE(every_change_is_refused_or_canonical(text, static_cast<unsigned char>(change))) << change;
}

TEST(FrameIndex, HoldsAHundredThousandImages) {
    FrameIndex index;
    for (int i = 0; i < 100'000; ++i)
        index.images.insert(image(fmt::format("core-{}.img", i), Method::deflate, {1234}));
    EXPECT_EQ(read_index(write_index(index)).images.size(), 100'000U);
}

TEST(SeekTable, IsThatOfTheZstdSeekableFormat) {
    ImageRecord record;
    append_frame(record, 0x0102, 0x00100000, {});
    append_frame(record, 0x03, 0x05, {});
    const std::string expected{'\x5e', '\x2a', '\x4d', '\x18', 25, 0, 0,  0, // a skippable frame of 25 bytes
                               2,      1,      0,      0,      0,  0, 16, 0, // compressed and decompressed size
                               3,      0,      0,      0,      5,  0, 0,  0, //
                               2,      0,      0,      0,      0,            // two frames, no checksums
                               '\xb1', '\xea', '\x92', '\x8f'};
    EXPECT_EQ(text_of(seek_table(record.frames)), expected);
}

TEST(SeekTable, IsSkippedByADecoder) {
    const std::string content = mixed_content(k_frame_size + 77);
    const auto frames = encode_frames(content, Method::zstd);
    ImageRecord record;
    append_frame(record, static_cast<std::uint32_t>(frames[0].size()), k_frame_size, {});
    append_frame(record, static_cast<std::uint32_t>(frames[1].size()), 77, {});
    const std::string entry = join(frames) + text_of(seek_table(record.frames));

    std::string decoded(content.size(), '\0');
    FrameDecoder().decode_entry(Method::zstd, bytes(entry), std::as_writable_bytes(std::span(decoded)));
    EXPECT_TRUE(decoded == content);
}

} // namespace cedana::testing
