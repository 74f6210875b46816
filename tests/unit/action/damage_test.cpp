// SPDX-License-Identifier: Apache-2.0
// A checkpoint cut everywhere, and every byte of it changed: that is found, or it is without any effect.
#include "cedana/base/files.hpp"
#include "cedana/keys/signature.hpp"

#include <gtest/gtest.h>

#include "support/damage.hpp"
#include "support/made_checkpoint.hpp"

namespace cedana::testing {
namespace {

class DamagedCheckpoint : public ::testing::Test {
  protected:
    // Of more than one frame, of one, deflated and empty images, and a captured file; signed.
    static std::string made() {
        const TempDir folder(std::filesystem::temp_directory_path(), "damage-test");
        const auto path = folder.path() / "a.zip";
        make_checkpoint(path, {.images = {{"core-1.img", "registers"},
                                          {"empty.img", ""},
                                          {"pages-1.img", std::string(3UL * 1024 * 1024 / 2, 'p')},
                                          {"pages-2.img", std::string(100'000, 'q')}},
                               .files = {{"/var/log/a", "line\nline\n"}},
                               .sign = [](const std::string& text) { return SigningKey::generate().sign(text); }});
        return read_file(path);
    }
    const std::string checkpoint = made();
};

TEST_F(DamagedCheckpoint, IsFoundWhereverItIsCut) {
    const DamageCount count = cut(checkpoint, 1);
    EXPECT_EQ(count.tried, checkpoint.size());
    EXPECT_EQ(count.found, count.tried);
}

class FlippedBits : public DamagedCheckpoint, public ::testing::WithParamInterface<unsigned char> {};

TEST_P(FlippedBits, AreFoundWhereverTheyHaveAnEffect) {
    const DamageCount count = flip_bytes(checkpoint, 1, GetParam());
    EXPECT_EQ(count.tried, checkpoint.size());
    EXPECT_EQ(count.missed, std::vector<std::size_t>());
    EXPECT_EQ(count.found + count.without_effect.size(), count.tried);
    // The bits that fill the last byte of a deflated text; there are four such texts.
    EXPECT_LE(count.without_effect.size(), 4U);
}

INSTANTIATE_TEST_SUITE_P(Masks, FlippedBits, ::testing::Values(0x01, 0x80, 0xff));

} // namespace
} // namespace cedana::testing
