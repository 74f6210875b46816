// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/image_reader.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include "unit/archive/image_support.hpp"

namespace cedana::testing {
namespace {

class ReadImages : public ::testing::Test {
  protected:
    void write(const Contents& contents, Method method = Method::zstd) {
        index_ = write_images(place_.path(), contents, method);
    }
    // A copy of the index in which one image's record was changed.
    FrameIndex changed(const std::string& name, const std::function<void(ImageRecord&)>& change) const {
        FrameIndex other;
        for (ImageRecord record : index_.images) {
            if (record.name == name)
                change(record);
            other.images.insert(std::move(record));
        }
        return other;
    }
    Outcome opened_with(const FrameIndex& index) const {
        const ZipReader zip(place_.path());
        return outcome_of([&] { const ImageReader reader(zip, index, {}); });
    }
    // Changes one byte of the compressed data of a frame.
    void damage(const std::string& name, std::size_t frame) const {
        const std::string raw = raw_frame(name, frame);
        std::string archive = read_file(place_.path());
        archive[archive.find(raw) + raw.size() / 2] ^= 1;
        put_file(place_.path(), archive);
    }

    Place place_;
    FrameIndex index_;

  private:
    std::string raw_frame(const std::string& name, std::size_t frame) const {
        const ZipReader zip(place_.path());
        const FrameRecord& record = index_.find(name)->frames.at(frame);
        std::string raw(record.compressed, '\0');
        zip.open_raw("images/" + name).read(record.offset, std::as_writable_bytes(std::span(raw)));
        return raw;
    }
};

TEST_F(ReadImages, KnowsWhatIsThere) {
    write({{"a.img", "a"}});
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {});
    EXPECT_TRUE(reader.exists("a.img"));
    EXPECT_FALSE(reader.exists("b.img"));
    EXPECT_EQ(outcome_of([&] { reader.open("b.img"); }).fault, Fault::internal);
}

TEST_F(ReadImages, GivesNothingOfAnEmptyImage) {
    write({{"a.img", ""}});
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {});
    const int stream = reader.open("a.img");
    EXPECT_TRUE(reader.at_end(stream));
    EXPECT_TRUE(reader.ready(stream).empty());
}

TEST_F(ReadImages, GivesOneImageTwice) {
    write({{"a.img", content_of(3 * k_mib)}});
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {});
    const int first = reader.open("a.img");
    const int second = reader.open("a.img");
    EXPECT_TRUE(read_stream(reader, first) == content_of(3 * k_mib));
    EXPECT_TRUE(read_stream(reader, second) == content_of(3 * k_mib));
}

TEST_F(ReadImages, GivesAnImageAgainFromItsStart) {
    write({{"a.img", content_of(2 * k_mib)}});
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {});
    const int first = reader.open("a.img");
    reader.passed(first, wait_until_ready(reader, first).size());
    reader.close(first);
    EXPECT_TRUE(read_stream(reader, reader.open("a.img")) == content_of(2 * k_mib));
}

TEST_F(ReadImages, IsTakenInSmallPieces) {
    write({{"a.img", "a small image"}});
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {});
    const int stream = reader.open("a.img");
    static_cast<void>(wait_until_ready(reader, stream));
    reader.passed(stream, 8);
    EXPECT_EQ(text_of(reader.ready(stream)), "image");
    EXPECT_FALSE(reader.at_end(stream));
}

// No thread is woken for it.
TEST_F(ReadImages, HasASmallOneReadyOnceItIsOpen) {
    write({{"a.img", "a small image"}});
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {});
    EXPECT_EQ(text_of(reader.ready(reader.open("a.img"))), "a small image");
}

TEST_F(ReadImages, OpensNoSmallOneThatIsDamaged) {
    write({{"a.img", content_of(1000)}});
    damage("a.img", 0);
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {});
    EXPECT_EQ(outcome_of([&] { reader.open("a.img"); }).fault, Fault::checkpoint);
}

TEST_F(ReadImages, StayAsTheyAreUntilTheyAreReleased) {
    const std::string content = content_of(9 * k_mib);
    write({{"pages-1.img", content}});
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {.buffer = k_mib});
    const int stream = reader.open("pages-1.img");
    std::vector<std::span<const std::byte>> frames;
    while (!reader.at_end(stream)) {
        frames.push_back(wait_until_ready(reader, stream));
        reader.passed(stream, frames.back().size());
    }
    std::string found;
    for (const auto& frame : frames)
        found += text_of(frame);
    EXPECT_TRUE(found == content);
}

TEST_F(ReadImages, TakeNoMoreThanWasDecoded) {
    write({{"a.img", "a small image"}});
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {});
    const int stream = reader.open("a.img");
    static_cast<void>(wait_until_ready(reader, stream));
    EXPECT_EQ(outcome_of([&] { reader.passed(stream, 14); }).fault, Fault::internal);
}

TEST_F(ReadImages, EachGetOnThoughTheOthersAreNotRead) {
    Contents contents;
    for (int i = 0; i < 64; ++i)
        contents.emplace(fmt::format("pages-{}.img", i), content_of(2 * k_mib + static_cast<std::size_t>(i)));
    write(contents);
    // Every stream is open before one is read, and each is read to its end before the next.
    EXPECT_TRUE(read_images(ZipReader(place_.path()), index_, {.buffer = k_mib}) == contents);
}

TEST_F(ReadImages, AllHaveAFrameOfTheirOwnThoughNoneIsTaken) {
    Contents contents;
    for (int i = 0; i < 64; ++i)
        contents.emplace(fmt::format("pages-{}.img", i), content_of(2 * k_mib));
    write(contents);
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {.buffer = k_mib});
    std::vector<int> streams;
    for (const auto& [name, content] : contents)
        streams.push_back(reader.open(name));
    EXPECT_TRUE(std::ranges::all_of(
        streams, [&](int stream) { return wait_until_ready(reader, stream).size() == k_frame_size; }));
}

TEST_F(ReadImages, GoOnFromWhatWasReadAhead) {
    const Contents contents = {{"pages-1.img", content_of(9 * k_mib)}, {"pages-2.img", content_of(5 * k_mib)}};
    write(contents);
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {.buffer = 4 * k_mib});
    reader.read_ahead();
    const int second = reader.open("pages-2.img");
    const int first = reader.open("pages-1.img");
    EXPECT_TRUE(read_stream(reader, second) == contents.at("pages-2.img"));
    EXPECT_TRUE(read_stream(reader, first) == contents.at("pages-1.img"));
}

// The buffer is full of other images when this one is opened.
TEST_F(ReadImages, GetAFrameWhenWhatWasReadAheadFillsTheBuffer) {
    Contents contents;
    for (int i = 0; i < 8; ++i)
        contents.emplace(fmt::format("pages-{}.img", i), content_of(2 * k_mib));
    write(contents);
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {.buffer = 4 * k_mib});
    reader.read_ahead();
    for (int i = 0; i < 7; ++i)
        static_cast<void>(wait_until_ready(reader, reader.open(fmt::format("pages-{}.img", i))));
    EXPECT_TRUE(read_stream(reader, reader.open("pages-7.img")) == contents.at("pages-7.img"));
}

TEST_F(ReadImages, GiveTheirFramesBackWhenTheyAreClosed) {
    const Contents contents = {{"pages-1.img", content_of(9 * k_mib)}};
    write(contents);
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {.buffer = 2 * k_mib});
    for (int i = 0; i < 50; ++i)
        reader.close(reader.open("pages-1.img"));
    EXPECT_TRUE(read_stream(reader, reader.open("pages-1.img")) == contents.at("pages-1.img"));
}

TEST_F(ReadImages, EndWhileTheyAreDecoded) {
    write({{"pages-1.img", content_of(20 * k_mib)}});
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {});
    reader.open("pages-1.img");
}

TEST_F(ReadImages, GiveNoByteOfADamagedFrame) {
    write({{"pages-1.img", content_of(3 * k_mib)}});
    damage("pages-1.img", 1);
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {.threads = 1});
    const int stream = reader.open("pages-1.img");
    std::size_t given = 0;
    const Outcome outcome = outcome_of([&] {
        while (true) {
            const auto data = wait_until_ready(reader, stream);
            given += data.size();
            reader.passed(stream, data.size());
        }
    });
    EXPECT_EQ(outcome.fault, Fault::checkpoint);
    EXPECT_NE(outcome.message.find("frame 1 of pages-1.img"), std::string::npos) << outcome.message;
    EXPECT_LE(given, k_frame_size);
}

TEST_F(ReadImages, AreAllGivenUpWhenOneIsDamaged) {
    write({{"a.img", content_of(k_mib)}, {"b.img", content_of(k_mib + 1)}});
    damage("a.img", 0);
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {});
    const int damaged = reader.open("a.img");
    EXPECT_EQ(outcome_of([&] { static_cast<void>(wait_until_ready(reader, damaged)); }).fault, Fault::checkpoint);
    const int whole = reader.open("b.img");
    EXPECT_EQ(outcome_of([&] { static_cast<void>(reader.ready(whole)); }).fault, Fault::checkpoint);
}

// The parts of an image in one text, as `parts` names them.
std::string parts_of(const std::string& content, const std::vector<ByteRange>& parts) {
    std::string text;
    for (const ByteRange& part : parts)
        text += content.substr(part.from, part.to - part.from);
    return text;
}

class ReadParts : public ReadImages, public ::testing::WithParamInterface<std::vector<ByteRange>> {};

TEST_P(ReadParts, GivesThemInARowAndNothingElse) {
    const std::string content = content_of(4 * k_mib + 4096);
    write({{"pages-1.img", content}, {"whole.img", "whole"}});
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {.parts = {{"pages-1.img", GetParam()}}});
    EXPECT_TRUE(read_stream(reader, reader.open("pages-1.img")) == parts_of(content, GetParam()));
    EXPECT_EQ(read_stream(reader, reader.open("whole.img")), "whole");
    reader.read_ahead();
    EXPECT_TRUE(read_stream(reader, reader.open("pages-1.img")) == parts_of(content, GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Parts, ReadParts,
                         ::testing::Values(std::vector<ByteRange>{}, std::vector<ByteRange>{{0, 4096}},
                                           std::vector<ByteRange>{{0, 4 * k_mib + 4096}},
                                           std::vector<ByteRange>{{4 * k_mib, 4 * k_mib + 4096}},
                                           std::vector<ByteRange>{{k_mib - 4096, k_mib + 4096}},
                                           std::vector<ByteRange>{
                                               {4096, 8192}, {12288, 16384}, {3 * k_mib, 3 * k_mib + 1}},
                                           std::vector<ByteRange>{{1, k_mib}, {k_mib + 1, 3 * k_mib}}));

TEST_F(ReadParts, TouchesNoFrameWithoutAPart) {
    write({{"pages-1.img", content_of(3 * k_mib)}});
    damage("pages-1.img", 1);
    const ZipReader zip(place_.path());
    ImageReader reader(zip, index_, {.parts = {{"pages-1.img", {{0, 4096}, {2 * k_mib, 2 * k_mib + 4096}}}}});
    EXPECT_EQ(read_stream(reader, reader.open("pages-1.img")).size(), 8192U);
}

TEST_F(ReadImages, AreRefusedWhenTheIndexHasAnotherSize) {
    write({{"a.img", "content"}});
    EXPECT_EQ(opened_with(changed("a.img", [](ImageRecord& record) { ++record.size; })).fault, Fault::checkpoint);
}

TEST_F(ReadImages, AreRefusedWhenTheIndexHasAnotherMethod) {
    write({{"a.img", "content"}});
    EXPECT_EQ(opened_with(changed("a.img", [](ImageRecord& record) { record.method = Method::zstd; })).fault,
              Fault::checkpoint);
}

TEST_F(ReadImages, AreRefusedWhenTheIndexHasAnotherChecksum) {
    write({{"a.img", "content"}});
    EXPECT_EQ(opened_with(changed("a.img", [](ImageRecord& record) { record.crc ^= 1; })).fault, Fault::checkpoint);
}

TEST_F(ReadImages, AreRefusedWhenAFrameLiesBeyondTheEntry) {
    write({{"a.img", "content"}});
    EXPECT_EQ(opened_with(changed("a.img", [](ImageRecord& record) { ++record.frames[0].compressed; })).fault,
              Fault::checkpoint);
}

TEST_F(ReadImages, AreRefusedWhenTheArchiveHasNoSuchImage) {
    write({{"a.img", "content"}});
    EXPECT_EQ(opened_with(changed("a.img", [](ImageRecord& record) { record.name = "b.img"; })).message,
              place_.path().string() + ": the image b.img is not there as the index says");
}

} // namespace
} // namespace cedana::testing
