// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/checkpoint/whole_check.hpp"
#include "cedana/keys/signature.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>

#include "support/made_checkpoint.hpp"

namespace cedana::testing {
namespace {

class WholeCheckTest : public ::testing::Test {
  protected:
    std::filesystem::path made(const CheckpointParts& parts) const {
        make_checkpoint(path_, parts);
        return path_;
    }
    // What is wrong with it; empty if it is whole.
    std::string flaw_of(const CheckpointParts& parts) const {
        try {
            EXPECT_TRUE(WholeCheck(2, Keyring()).run(made(parts)));
            return {};
        } catch (const Error& error) {
            EXPECT_EQ(error.fault(), Fault::checkpoint) << error.what();
            return error.message();
        }
    }

  private:
    TempDir folder_{std::filesystem::temp_directory_path(), "whole-check-test"};
    std::filesystem::path path_ = folder_.path() / "a.zip";
};

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(WholeCheckTest, AcceptsWhatWasWritten) { EXPECT_EQ(flaw_of({}), ""); }

TEST_F(WholeCheckTest, AcceptsEveryCompressionAndCapturedFiles) {
    for (const Method method : {Method::store, Method::deflate, Method::zstd}) {
        const TempDir folder(std::filesystem::temp_directory_path(), "whole-check-test");
        const auto path = folder.path() / "a.zip";
        make_checkpoint(path, {.images = {{"pages-1.img", std::string(3'000'000, 'p')}, {"empty.img", ""}},
                               .files = {{"/a", std::string(2'000'000, 'a')}, {"/b", ""}},
                               .method = method});
        WholeCheck check(2, Keyring());
        const auto manifest = check.run(path);
        ASSERT_TRUE(manifest);
        EXPECT_EQ(manifest->files.size(), 2U);
    }
}

TEST_F(WholeCheckTest, CountsWhatItRead) {
    WholeCheck check(1, Keyring());
    static_cast<void>(check.run(made({.images = {{"pages-1.img", std::string(5000, 'p')}}, .method = Method::store})));
    EXPECT_EQ(check.bytes(), 5000U);
}

TEST_F(WholeCheckTest, EndsEarlyWhenItIsStopped) {
    WholeCheck check(1, Keyring());
    check.stop();
    EXPECT_FALSE(check.run(made({})));
    EXPECT_EQ(check.bytes(), 0U);
}

TEST_F(WholeCheckTest, MissesAnImageOfTheManifest) {
    EXPECT_TRUE(holds(flaw_of({.change = [](Manifest& manifest) { ++manifest.images; }}), "2 images"));
}

TEST_F(WholeCheckTest, FindsAnotherSizeThanTheManifestHas) {
    EXPECT_TRUE(holds(flaw_of({.change = [](Manifest& manifest) { --manifest.bytes_images; }}), "bytes"));
}

TEST_F(WholeCheckTest, FindsATextWithAnotherDigest) {
    const auto change = [](Manifest& manifest) { manifest.digests.at(k_dump_log_entry).front() ^= 1; };
    EXPECT_TRUE(holds(flaw_of({.change = change}), k_dump_log_entry));
}

TEST_F(WholeCheckTest, MissesATextOfTheManifest) {
    const auto change = [](Manifest& manifest) { manifest.digests["criu/stats"] = std::string(64, '0'); };
    EXPECT_TRUE(holds(flaw_of({.change = change}), "criu/stats"));
}

std::string without_sums(const std::string& /*right*/) { return {}; }

// Of the last frame of the last image.
std::string with_another_sum(const std::string& right) {
    std::string wrong = right;
    char& digit = wrong[right.rfind("\nend ") - 1];
    digit = digit == '0' ? '1' : '0';
    return wrong;
}

TEST_F(WholeCheckTest, AcceptsOneWithoutSums) { EXPECT_EQ(flaw_of({.sums = without_sums}), ""); }

TEST_F(WholeCheckTest, FindsAWrongSum) {
    EXPECT_TRUE(holds(flaw_of({.sums = with_another_sum}), "the sum of frame 0 of pages-1.img"));
}

TEST_F(WholeCheckTest, HasSumsForARestoreUnlessTheyAreNotThere) {
    EXPECT_NE(Checkpoint(made({}), Keyring()).sums(), nullptr);
}

TEST_F(WholeCheckTest, HasNoSumsOfAnOlderOne) {
    EXPECT_EQ(Checkpoint(made({.sums = without_sums}), Keyring()).sums(), nullptr);
}

// Somebody vouches for the digests then.
TEST_F(WholeCheckTest, HasNoSumsForOneThatIsSigned) {
    const SigningKey key = SigningKey::generate();
    const auto path = made({.sign = [&](const std::string& manifest) { return key.sign(manifest); }});
    EXPECT_EQ(Checkpoint(path, Keyring()).sums(), nullptr);
}

TEST_F(WholeCheckTest, FindsACapturedFileWithAnotherDigest) {
    const auto change = [](Manifest& manifest) { manifest.files.front().digest = std::string(64, '0'); };
    EXPECT_TRUE(holds(flaw_of({.files = {{"/a", "content"}}, .change = change}), "the digest of 0"));
}

TEST_F(WholeCheckTest, FindsWhatIsBehindTheEnd) {
    const auto path = made({});
    const UniqueFd file = open_file(path, O_WRONLY | O_APPEND);
    write_all(file.get(), "x", path);
    EXPECT_THROW(static_cast<void>(WholeCheck(1, Keyring()).run(path)), Error);
}

TEST_F(WholeCheckTest, FindsWhatIsBeforeTheStart) {
    const auto path = made({});
    const std::string content = read_file(path);
    const UniqueFd file = open_file(path, O_WRONLY | O_TRUNC);
    write_all(file.get(), "#!/bin/sh\n" + content, path);
    EXPECT_THROW(static_cast<void>(WholeCheck(1, Keyring()).run(path)), Error);
}

} // namespace
} // namespace cedana::testing
