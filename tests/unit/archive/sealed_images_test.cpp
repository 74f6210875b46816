// SPDX-License-Identifier: Apache-2.0
// Encrypted images on their way through the archive: written by many threads, read in any order, and found out wherever
// somebody who has no key, or the key of another checkpoint, has put frames elsewhere.
#include "cedana/archive/frame_reader.hpp"
#include "cedana/archive/image_check.hpp"
#include "cedana/archive/zip_layout.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "unit/archive/image_support.hpp"

namespace cedana::testing {
namespace {

std::shared_ptr<const Seal> new_seal() {
    CheckpointId id;
    fill_random(id);
    return std::make_shared<const Seal>(SecretBytes::random(k_data_key_size), id);
}

class SealedImages : public ::testing::TestWithParam<Method> {
  protected:
    FrameIndex write(const std::filesystem::path& path, Method method) const {
        Capture capture(path, {.method = method, .threads = 8, .seal = seal});
        Feeder feeder(capture.writer);
        feeder.add(contents);
        feeder.run();
        return capture.finish();
    }
    static Outcome checked(const ZipReader& zip, const FrameIndex& index) {
        const std::atomic<bool> stop = false;
        std::atomic<std::uint64_t> read = 0;
        return outcome_of([&] {
            check_images({.zip = zip, .index = index, .folder = "images/", .threads = 4, .stop = stop, .bytes = read});
        });
    }

    std::shared_ptr<const Seal> seal = new_seal();
    Place place;
    const Contents contents = {{"core-1.img", "registers"},
                               {"empty.img", ""},
                               {"pages-1.img", content_of(5 * k_mib + 777)},
                               {"pages-2.img", content_of(4 * k_mib)}};
};

TEST_P(SealedImages, AreReadAsTheyWereWritten) {
    const FrameIndex written = write(place.path(), GetParam());
    const FrameIndex index = read_index(write_index(written), seal);
    EXPECT_EQ(index, written);
    const ZipReader zip(place.path());
    EXPECT_TRUE(read_images(zip, index) == contents);
    EXPECT_EQ(checked(zip, index).message, "nothing was thrown");
    require_exact_layout(zip);
}

INSTANTIATE_TEST_SUITE_P(Methods, SealedImages, ::testing::Values(Method::store, Method::deflate, Method::zstd));

TEST_F(SealedImages, AreReadAFrameAtATimeInAnyOrder) {
    const FrameIndex index = write(place.path(), Method::zstd);
    const ZipReader zip(place.path());
    FrameReader reader(zip, "images/");
    const ImageRecord& image = *index.find("pages-1.img");
    for (const std::size_t number : {5U, 0U, 3U, 3U}) {
        std::string frame(image.frames.at(number).size, '\0');
        reader.read(image, number, std::as_writable_bytes(std::span(frame)));
        EXPECT_TRUE(frame == contents.at("pages-1.img").substr(number * k_frame_size, k_frame_size)) << number;
    }
}

TEST_F(SealedImages, HideTheirNamesAndContents) {
    static_cast<void>(write(place.path(), Method::store));
    const std::string archive = read_file(place.path());
    for (const std::string& text : {std::string("pages-1"), std::string("core-1"), std::string("registers"),
                                    contents.at("pages-1.img").substr(1000, 64)})
        EXPECT_EQ(archive.find(text), std::string::npos) << text;
    const ZipReader zip(place.path());
    for (const EntryInfo& entry : zip.entries())
        EXPECT_TRUE(entry.name.starts_with("data/")) << entry.name;
}

// Whoever can also change the index, with all digests in it, but has no key: frames do not open at another place.
class MovedFrames : public SealedImages {
  protected:
    FrameIndex index;
    // With sizes that are equal, so that nothing else than the seal can find it.
    void SetUp() override { index = write(place.path(), Method::store); }

    [[nodiscard]] ImageRecord record(const std::string& name) const { return *index.find(name); }
    // Frames of the same size.
    void swap_in_archive(const ImageRecord& one, const ImageRecord& other, std::size_t frame) const {
        std::string archive = read_file(place.path());
        const auto place_in = [&](const ImageRecord& image) {
            std::string raw(image.frames[frame].compressed, '\0');
            ZipReader(place.path())
                .open_raw(image.entry_name(""))
                .read(image.frames[frame].offset, std::as_writable_bytes(std::span(raw)));
            return std::pair(archive.find(raw), raw);
        };
        const auto [at_one, raw_one] = place_in(one);
        const auto [at_other, raw_other] = place_in(other);
        archive.replace(at_one, raw_other.size(), raw_other).replace(at_other, raw_one.size(), raw_one);
        put_file(place.path(), archive);
    }
    void expect_refused(const ImageRecord& changed, std::size_t frame) const {
        const ZipReader zip(place.path());
        FrameReader reader(zip, "images/");
        std::string content(changed.frames.at(frame).size, '\0');
        EXPECT_EQ(outcome_of([&] { reader.read(changed, frame, std::as_writable_bytes(std::span(content))); }).fault,
                  Fault::checkpoint);
    }
};

TEST_F(MovedFrames, OfOneImageAreFound) {
    ImageRecord changed = record("pages-1.img");
    std::swap(changed.frames[0], changed.frames[1]);
    expect_refused(changed, 0);
    expect_refused(changed, 1);
}

TEST_F(MovedFrames, OfAnotherImageAreFound) {
    ImageRecord one = record("pages-1.img");
    ImageRecord other = record("pages-2.img");
    swap_in_archive(one, other, 1);
    std::swap(one.frames[1].digest, other.frames[1].digest);
    expect_refused(one, 1);
    expect_refused(other, 1);
}

TEST_F(MovedFrames, ThatEndAnImageTooEarlyAreFound) {
    ImageRecord changed = record("pages-1.img");
    changed.frames.resize(3);
    expect_refused(changed, 2);
}

TEST_F(MovedFrames, ThatFollowTheLastAreFound) {
    ImageRecord changed = record("pages-2.img");
    changed.frames.push_back(changed.frames.front());
    expect_refused(changed, 3);
    expect_refused(changed, 4);
}

TEST_F(MovedFrames, OfAnotherCheckpointAreFound) {
    ImageRecord changed = record("pages-1.img");
    changed.seal = new_seal();
    expect_refused(changed, 0);
}

TEST(SealedIndex, IsRefusedForAPlainOneAndTheOtherWayRound) {
    const std::shared_ptr<const Seal> seal = new_seal();
    const std::string plain = "cedana-index 1\nimage store 0 00000000 0 a.img\nend 1\n";
    const std::string sealed = "cedana-index 2\nimage store 0 00000000 0 4 a.img\nend 1\n";
    EXPECT_EQ(read_index(sealed, seal).find("a.img")->entry_name("images/"), "data/4");
    EXPECT_EQ(read_index(plain).find("a.img")->entry_name("images/"), "images/a.img");
    EXPECT_EQ(outcome_of([&] { static_cast<void>(read_index(plain, seal)); }).fault, Fault::checkpoint);
    EXPECT_EQ(outcome_of([&] { static_cast<void>(read_index(sealed)); }).fault, Fault::checkpoint);
}

// A frame that holds nothing but its seal.
TEST(SealedIndex, IsRefusedWithAFrameTooSmallForItsSeal) {
    const std::string digest(64, 'a');
    EXPECT_EQ(outcome_of([&] {
                  static_cast<void>(read_index(
                      "cedana-index 2\nimage zstd 5 00000000 1 0 a.img\n0 16 5 " + digest + "\nend 1\n", new_seal()));
              }).fault,
              Fault::checkpoint);
}

} // namespace
} // namespace cedana::testing
