// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_check.hpp"
#include "cedana/archive/frame_reader.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "unit/archive/image_support.hpp"

namespace cedana::testing {
namespace {

class ReadFrames : public ::testing::TestWithParam<Method> {
  protected:
    void write(Method method) { index_ = write_images(place_.path(), {{"a.img", content_}, {"b.img", "b"}}, method); }
    void damage(std::size_t frame) const {
        const ImageRecord& image = *index_.find("a.img");
        std::string raw(image.frames.at(frame).compressed, '\0');
        ZipReader(place_.path())
            .open_raw("images/a.img")
            .read(image.frames[frame].offset, std::as_writable_bytes(std::span(raw)));
        std::string archive = read_file(place_.path());
        archive[archive.find(raw) + raw.size() / 2] ^= 1;
        put_file(place_.path(), archive);
    }
    [[nodiscard]] Outcome checked() const {
        const ZipReader zip(place_.path());
        return outcome_of([&] { check_frames(zip, index_, "images/", 2, Interrupt::none()); });
    }

    const std::string content_ = content_of(3 * k_mib + 4096);
    Place place_;
    FrameIndex index_;
};

TEST_P(ReadFrames, InAnyOrder) {
    write(GetParam());
    const ZipReader zip(place_.path());
    FrameReader reader(zip, "images/");
    const ImageRecord& image = *index_.find("a.img");
    for (const std::size_t number : {3U, 0U, 2U, 2U, 1U}) {
        std::string frame(image.frames.at(number).size, '\0');
        reader.read(image, number, std::as_writable_bytes(std::span(frame)));
        EXPECT_TRUE(frame == content_.substr(number * k_frame_size, k_frame_size)) << number;
    }
    EXPECT_TRUE(reader.read_all(image, content_.size()) == content_);
    EXPECT_EQ(reader.read_all(*index_.find("b.img"), 1), "b");
    EXPECT_EQ(checked().message, "nothing was thrown");
}

INSTANTIATE_TEST_SUITE_P(Methods, ReadFrames, ::testing::Values(Method::store, Method::deflate, Method::zstd));

TEST_F(ReadFrames, ComparesSumsInPlaceOfDigestsWhereItIsGivenThem) {
    write(Method::zstd);
    const ImageRecord& image = *index_.find("a.img");
    const ZipReader whole(place_.path());
    FrameSums sums;
    std::vector<std::uint64_t> found;
    for (const FrameRecord& frame : image.frames) {
        std::vector<std::byte> raw(frame.compressed);
        whole.open_raw("images/a.img").read(frame.offset, raw);
        found.push_back(frame_sum(raw));
    }
    sums.set("a.img", std::move(found));
    std::string frame(k_frame_size, '\0');
    const std::span<std::byte> out = std::as_writable_bytes(std::span(frame));
    FrameReader(whole, "images/", &sums).read(image, 2, out);
    EXPECT_TRUE(frame == content_.substr(2 * k_frame_size, k_frame_size));
    damage(2);
    const ZipReader damaged(place_.path());
    EXPECT_EQ(outcome_of([&] { FrameReader(damaged, "images/", &sums).read(image, 2, out); }).fault, Fault::checkpoint);
}

TEST_F(ReadFrames, GivesNothingOfADamagedOne) {
    write(Method::zstd);
    damage(2);
    const ZipReader zip(place_.path());
    FrameReader reader(zip, "images/");
    const ImageRecord& image = *index_.find("a.img");
    std::vector<std::byte> frame(k_frame_size);
    EXPECT_EQ(outcome_of([&] { reader.read(image, 2, frame); }).fault, Fault::checkpoint);
    EXPECT_EQ(frame, std::vector<std::byte>(k_frame_size));
    reader.read(image, 1, frame);
    EXPECT_EQ(checked().fault, Fault::checkpoint);
    EXPECT_NE(checked().message.find("frame 2 of a.img"), std::string::npos);
}

TEST_F(ReadFrames, TakesNoMoreMemoryThanAllowed) {
    write(Method::zstd);
    const ZipReader zip(place_.path());
    FrameReader reader(zip, "images/");
    EXPECT_EQ(outcome_of([&] { static_cast<void>(reader.read_all(*index_.find("a.img"), k_mib)); }).fault,
              Fault::checkpoint);
}

} // namespace
} // namespace cedana::testing
