// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/sealed_text.hpp"

#include <string>

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

class SealedText : public ::testing::Test {
  protected:
    const Seal seal{key_of(1), id_of(1)};
    const std::string content = mixed_content(100'000);
};

TEST_F(SealedText, OpensUnderItsName) {
    for (const std::string& text : {content, std::string(), std::string(3'000'000, 'a')}) {
        const std::string closed = seal_text(seal, "index", text);
        EXPECT_EQ(open_text(seal, "index", closed, text.size()), text);
        EXPECT_LT(closed.size(), text.size() + 1000);
    }
}

TEST_F(SealedText, OpensUnderNoOtherNameAndInNoOtherCheckpoint) {
    const std::string closed = seal_text(seal, "index", content);
    EXPECT_EQ(outcome_of([&] { static_cast<void>(open_text(seal, "manifest", closed, 1'000'000)); }).fault,
              Fault::checkpoint);
    EXPECT_EQ(
        outcome_of([&] { static_cast<void>(open_text(Seal(key_of(1), id_of(2)), "index", closed, 1'000'000)); }).fault,
        Fault::checkpoint);
}

TEST_F(SealedText, DoesNotOpenCutOffOrChanged) {
    const std::string closed = seal_text(seal, "index", "image 1\n");
    for (std::size_t i = 0; i < closed.size(); ++i) {
        std::string changed = closed;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        for (const std::string& bad : {changed, closed.substr(0, i)})
            EXPECT_EQ(outcome_of([&] { static_cast<void>(open_text(seal, "index", bad, 1000)); }).fault,
                      Fault::checkpoint)
                << i;
    }
}

TEST_F(SealedText, IsNotOpenedIfItIsLargerThanWhatIsWanted) {
    const std::string closed = seal_text(seal, "index", std::string(1'000'000, 'a'));
    EXPECT_EQ(outcome_of([&] { static_cast<void>(open_text(seal, "index", closed, 999'999)); }).fault,
              Fault::checkpoint);
}

} // namespace
} // namespace cedana::testing
