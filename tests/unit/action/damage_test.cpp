// SPDX-License-Identifier: Apache-2.0
// A checkpoint cut everywhere, and every byte of it changed: that is found, or it is without any effect.
#include "cedana/base/files.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/keys/signature.hpp"
#include "cedana/model/image_bytes.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

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
    // The bits that fill the last byte of a deflated text; there are five such texts.
    EXPECT_LE(count.without_effect.size(), 5U);
}

// As a restore reads them; false if damage was found.
bool images_are(const std::filesystem::path& path, const std::map<std::string, std::string>& images) {
    try {
        const Checkpoint checkpoint(path, Keyring());
        EXPECT_NE(checkpoint.sums(), nullptr);
        Config config;
        config.archive_threads = 1;
        CheckpointImages source(checkpoint, config);
        const Interrupt nobody = Interrupt::none();
        for (const auto& [name, content] : images) {
            ImageBytes bytes(source, name, nobody);
            std::string_view rest = content;
            for (auto piece = bytes.next(); !piece.empty(); piece = bytes.next()) {
                const std::string_view got(reinterpret_cast<const char*>(piece.data()), piece.size());
                EXPECT_TRUE(rest.starts_with(got)) << name;
                rest.remove_prefix(std::min(rest.size(), got.size()));
            }
            EXPECT_EQ(rest.size(), 0U) << name;
        }
        return true;
    } catch (const Error& error) {
        EXPECT_TRUE(error.fault() == Fault::checkpoint || error.fault() == Fault::storage) << error.what();
        return false;
    }
}

// The sums stand in for the digests there.
TEST(FlippedBitsOfAnUnsignedOne, NeverReachARestore) {
    const std::map<std::string, std::string> images = {{"core-1.img", "registers"},
                                                       {"pages-1.img", std::string(3UL * 1024 * 1024 / 2, 'p')},
                                                       {"pages-2.img", std::string(100'000, 'q')}};
    const TempDir folder(std::filesystem::temp_directory_path(), "damage-test");
    const auto path = folder.path() / "a.zip";
    make_checkpoint(path, {.images = images});
    ASSERT_TRUE(images_are(path, images));
    const std::string right = read_file(path);
    std::size_t found = 0;
    for (std::size_t at = 0; at < right.size(); ++at) {
        const UniqueFd file = open_file(path, O_WRONLY);
        const char wrong = static_cast<char>(right[at] ^ 0x20);
        ASSERT_EQ(::pwrite(file.get(), &wrong, 1, static_cast<off_t>(at)), 1);
        found += images_are(path, images) ? 0U : 1U;
        ASSERT_EQ(::pwrite(file.get(), &right[at], 1, static_cast<off_t>(at)), 1);
    }
    // All of the frames and of what leads to them; what the directory of the zip says beside is verify's to find.
    EXPECT_GT(found, right.size() / 2);
}

INSTANTIATE_TEST_SUITE_P(Masks, FlippedBits, ::testing::Values(0x01, 0x80, 0xff));

} // namespace
} // namespace cedana::testing
