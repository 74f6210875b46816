// SPDX-License-Identifier: Apache-2.0
#include "cedana/keys/seal.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "unit/archive/support.hpp"

namespace cedana::testing {
namespace {

CheckpointId id_of(unsigned char first) {
    CheckpointId id{};
    id[0] = std::byte{first};
    return id;
}

SecretBytes key_of(unsigned char first) {
    SecretBytes key(k_data_key_size);
    key.bytes()[0] = std::byte{first};
    return key;
}

constexpr FramePlace k_place{.entry = 3, .frame = 7, .is_last = false};

std::vector<std::byte> sealed(const Seal& seal, const FramePlace& place, std::string_view content) {
    const auto given = bytes(content);
    std::vector<std::byte> frame(given.begin(), given.end());
    frame.resize(frame.size() + k_seal_size);
    seal.close(place, frame);
    return frame;
}

Outcome opened(const Seal& seal, const FramePlace& place, std::vector<std::byte> frame) {
    return outcome_of([&] { static_cast<void>(seal.open(place, frame)); });
}

class SealOfFrames : public ::testing::Test {
  protected:
    const Seal seal{key_of(1), id_of(1)};
    const std::string content = mixed_content(100'000);
};

TEST_F(SealOfFrames, OpensAtItsPlace) {
    for (const std::string& text : {content, std::string("x"), std::string()}) {
        std::vector<std::byte> frame = sealed(seal, k_place, text);
        EXPECT_EQ(frame.size(), text.size() + k_seal_size);
        EXPECT_EQ(text_of(seal.open(k_place, frame)), text);
    }
}

TEST_F(SealOfFrames, HidesWhatIsInIt) {
    const std::string secret = "the password of the database";
    EXPECT_EQ(text_of(sealed(seal, k_place, secret)).find("password"), std::string::npos);
}

TEST_F(SealOfFrames, OpensAtNoOtherPlace) {
    const std::vector<std::byte> frame = sealed(seal, k_place, content);
    for (const FramePlace& place :
         {FramePlace{.entry = 4, .frame = 7}, FramePlace{.entry = 3, .frame = 8}, FramePlace{.entry = 7, .frame = 3},
          FramePlace{.entry = 3, .frame = 6}, FramePlace{.entry = 3, .frame = 7, .is_last = true}})
        EXPECT_EQ(opened(seal, place, frame).fault, Fault::checkpoint) << place.entry << " " << place.frame;
}

TEST_F(SealOfFrames, OpensInNoOtherCheckpoint) {
    const std::vector<std::byte> frame = sealed(seal, k_place, content);
    EXPECT_EQ(opened(Seal(key_of(2), id_of(1)), k_place, frame).fault, Fault::checkpoint);
    EXPECT_EQ(opened(Seal(key_of(1), id_of(2)), k_place, frame).fault, Fault::checkpoint);
}

TEST_F(SealOfFrames, DoesNotOpenWithAnyBitChanged) {
    const std::vector<std::byte> frame = sealed(seal, k_place, "some content");
    for (std::size_t i = 0; i < frame.size(); ++i) {
        std::vector<std::byte> changed = frame;
        changed[i] ^= std::byte{1};
        EXPECT_EQ(opened(seal, k_place, changed).fault, Fault::checkpoint) << i;
    }
}

TEST_F(SealOfFrames, DoesNotOpenCutOffAtAnyLength) {
    const std::vector<std::byte> frame = sealed(seal, k_place, "some content");
    for (std::size_t size = 0; size < frame.size(); ++size)
        EXPECT_EQ(opened(seal, k_place, {frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size)}).fault,
                  Fault::checkpoint)
            << size;
}

TEST_F(SealOfFrames, GivesEveryNumberOfAnEntryOnce) {
    EXPECT_EQ(seal.next_entry(), 0U);
    EXPECT_EQ(seal.next_entry(), 1U);
}

TEST_F(SealOfFrames, SealsAnEntryUnderItsName) {
    std::vector<std::byte> entry = sealed(seal, k_place, content);
    seal.close("index", entry);
    std::vector<std::byte> elsewhere = entry;
    EXPECT_EQ(outcome_of([&] { static_cast<void>(seal.open("manifest", elsewhere)); }).fault, Fault::checkpoint);
    EXPECT_EQ(seal.open("index", entry).size(), content.size());
}

} // namespace
} // namespace cedana::testing
