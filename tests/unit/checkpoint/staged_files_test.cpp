// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/checkpoint/staged_files.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

#include <gtest/gtest.h>

#include "support/made_checkpoint.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

class StagingFiles : public test::InTempFolder {
  protected:
    StagingFiles() {
        fs::create_directory(folder);
        testing::make_checkpoint(zip, {.files = {{(folder / "app/log").string(), "of then"}}});
        checkpoint.emplace(zip, Keyring());
    }
    void SetUp() override {
        if (!NewFile::nameless(FilePlace(folder / "any")))
            GTEST_SKIP() << "this file system has no files without a name";
    }
    void stage(StagedFiles& staged) const {
        staged.add(checkpoint->zip(), checkpoint->files_index(), checkpoint->manifest().files, config,
                   Interrupt::none());
    }
    [[nodiscard]] bool is_empty() const {
        std::error_code ignored;
        return fs::is_empty(folder, ignored);
    }

    const Config config;
    const fs::path folder = fs::canonical(path("")) / "folder";
    const fs::path zip = path("x.zip");
    std::optional<Checkpoint> checkpoint;
};

TEST_F(StagingFiles, LeavesNothingThatCouldBeSeen) {
    StagedFiles staged({});
    stage(staged);
    EXPECT_TRUE(is_empty());
}

TEST_F(StagingFiles, IsWhatTheRestoreNames) {
    StagedFiles staged({});
    stage(staged);
    fs::create_directory(folder / "app");
    FileRestore files(*checkpoint, config, {}, {}, &staged);
    const std::vector<RestoredFile> restored = files.put_back(Procfs(), Interrupt::none());
    ASSERT_EQ(restored.size(), 1U);
    EXPECT_EQ(restored.front().action, FileAction::created);
    files.commit(restored);
    EXPECT_EQ(read_file(folder / "app/log"), "of then");
    EXPECT_EQ(staged.find(checkpoint->manifest().files.front(), FilePlace(folder / "app/log")), nullptr);
}

TEST_F(StagingFiles, IsOfNoUseForAnythingElse) {
    StagedFiles staged({});
    stage(staged);
    fs::create_directory(folder / "app");
    const FilePlace place(folder / "app/log");
    const CapturedFile file = checkpoint->manifest().files.front();
    EXPECT_NE(staged.find(file, place), nullptr);
    CapturedFile other = file;
    other.digest.assign(64, '0');
    EXPECT_EQ(staged.find(other, place), nullptr);
    other.digest.clear();
    EXPECT_EQ(staged.find(other, place), nullptr);
    CapturedFile larger = file;
    ++larger.size;
    EXPECT_EQ(staged.find(larger, place), nullptr);
}

TEST_F(StagingFiles, IsRefusedWhereNoFolderWasNamed) {
    FileRules rules;
    rules.only_below.emplace();
    StagedFiles staged(rules);
    EXPECT_THROW(stage(staged), Error);
    EXPECT_TRUE(is_empty());
}

} // namespace
} // namespace cedana
