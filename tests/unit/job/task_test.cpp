// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/reaper.hpp"
#include "cedana/job/task.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace cedana::job {
namespace {

TEST(DumpOfAJob, SaysWhereItGoesAndWhatBecomesOfTheTree) {
    const std::vector<std::string> words =
        dump_words({.root = 300, .folder = "/s/staging", .label = "train", .note = "n", .after = AfterDump::ends});
    EXPECT_EQ(std::ranges::count(words, "--stop"), 1);
    EXPECT_EQ(std::ranges::count(words, "/s/staging"), 1);
    EXPECT_EQ(std::ranges::count(dump_words({.root = 300}), "--leave-running"), 1);
}

TEST(DumpOfAJob, IsNotLedElsewhereByTheConfiguration) {
    LoadedConfig config;
    config.values.shared_storage_mount_point = "/mnt";
    config.values.archive_level = 3;
    config.origins["shared_storage.mount_point"] = {.kind = Origin::Kind::file, .where = "/etc/x:1"};
    config.origins["archive.level"] = {.kind = Origin::Kind::file, .where = "/etc/x:2"};
    const std::vector<std::string> env = task_environment(config);
    EXPECT_EQ(std::ranges::count(env, "CEDANA_ARCHIVE_LEVEL=3"), 1);
    EXPECT_TRUE(std::ranges::none_of(
        env, [](const std::string& one) { return one.starts_with("CEDANA_SHARED_STORAGE_MOUNT_POINT"); }));
    EXPECT_EQ(std::ranges::count(env, "CEDANA_CONFIG=/dev/null"), 1);
}

TEST(Descent, IsReadAsItWasWritten) {
    for (const Descent& descent : {Descent{.epoch = 7, .parent = "a b.zip"}, Descent{.epoch = 1}})
        EXPECT_EQ(descent_in(note_of(descent)), descent);
    EXPECT_EQ(note_of({.epoch = 7, .parent = "a.zip"}), "epoch 7 after a.zip");
    EXPECT_EQ(descent_in("my remark"), std::nullopt);
    EXPECT_EQ(descent_in("epoch x"), std::nullopt);
}

TEST(Reaper, HasTheSameSizeEverywhere) { EXPECT_EQ(reaper_program().size(), 512U); }

} // namespace
} // namespace cedana::job
