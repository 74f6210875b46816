// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/job/found_checkpoints.hpp"
#include "cedana/job/task.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "support/synthetic_checkpoint.hpp"
#include "unit/job/own_folder.hpp"

namespace cedana::job {
namespace {

TEST(CheckpointName, IsOfTheJobAlone) {
    const auto name = checkpoint_name("a_b_20261122T164510Z_2.e0007.zip", "a_b");
    EXPECT_EQ(name, (CheckpointName{.epoch = 7, .moment = "20261122T164510Z", .number = 2}));
    EXPECT_EQ(checkpoint_name("a_20261122T164510Z.e12345.zip", "a")->epoch, 12345);
    for (const char* file : {"a_20261122T164510Z.zip", "a_20261122T164510Z.e.zip", "a_20261122T164510Z_x.e0001.zip",
                             "b_20261122T164510Z.e0001.zip", "a_20261322T164510Z.e0001.zip", "a_2026.e0001.zip",
                             "a_20261122T164510Z.e0001.zip.partial", "a_", "a", ""})
        EXPECT_EQ(checkpoint_name(file, "a"), std::nullopt) << file;
}

class FoundCheckpoints : public ::testing::Test {
  protected:
    std::string make(int epoch, const std::string& parent, int second = 10) const {
        std::string file = "j_20261122T1645" + std::to_string(second) + "Z.e000" + std::to_string(epoch) + ".zip";
        Manifest manifest = testing::plausible_manifest("j", 300, "2026-11-22T16:45:10Z");
        manifest.note = note_of({.epoch = epoch, .parent = parent});
        manifest.tree.front().command_line = {"j", "301"};
        testing::write_checkpoint(folder.path() / file, manifest);
        return file;
    }
    [[nodiscard]] std::vector<std::string> found(int first_epoch = 0) const {
        std::vector<std::string> files;
        for (const JobCheckpoint& one : find_checkpoints(folder.path(), "j", Keyring(), first_epoch))
            files.push_back(one.file + (one.damaged ? " damaged" : ""));
        return files;
    }
    testing::OwnFolder folder;
};

TEST_F(FoundCheckpoints, AreTheNewestAndThoseThatItCameFrom) {
    const std::string first = make(1, "");
    make(1, first, 11);
    const std::string third = make(2, first);
    EXPECT_EQ(found(), (std::vector<std::string>{third, first}));
    EXPECT_EQ(find_checkpoints(folder.path(), "j", Keyring(), 0).front().program, 301);
    EXPECT_EQ(found(2), std::vector<std::string>{third});
    EXPECT_EQ(found(3), std::vector<std::string>{});
}

TEST_F(FoundCheckpoints, AreDamagedWhereTheyCannotBeRead) {
    const std::string first = make(1, "");
    const std::string second = make(2, first);
    replace_file(folder.path() / second, "no zip");
    EXPECT_EQ(found(), (std::vector<std::string>{second + " damaged", first}));
}

TEST(NewestLine, BeginsWithOneThatNoOtherFollowsWhateverTheClockSaid) {
    // Newest first by their names; the clock was set back before b.
    const std::vector<JobCheckpoint> found = {
        {.file = "a"}, {.file = "c", .parent = "b"}, {.file = "b", .parent = "a"}};
    const std::vector<JobCheckpoint> line = newest_line(found);
    ASSERT_EQ(line.size(), 3U);
    EXPECT_EQ(line.front().file, "c");
    EXPECT_EQ(line.back().file, "a");
    EXPECT_EQ(newest_line({{.file = "a", .parent = "b"}, {.file = "b", .parent = "a"}}).size(), 0U);
}

TEST(Life, BeginsWithTheLastStartAndEndsWhenItIsDone) {
    History history;
    const auto add = [&](const char* event, int epoch, const char* checkpoint = "") {
        history.events.push_back({{"event", event}, {"epoch", epoch}, {"checkpoint", checkpoint}});
    };
    add("starting", 1);
    add("checkpoint", 1, "a");
    add("checkpoint", 2, "b");
    EXPECT_EQ(life_in(history), (Life{.checkpoints = {"a", "b"}, .first_epoch = 1, .last_epoch = 2}));
    add("done", 2);
    EXPECT_EQ(life_in(history), (Life{.first_epoch = 3, .last_epoch = 2}));
    add("starting", 3);
    add("checkpoint", 3, "c");
    EXPECT_EQ(life_in(history), (Life{.checkpoints = {"c"}, .first_epoch = 3, .last_epoch = 3}));
    history.events.push_back({{"event", 7}, {"epoch", "x"}});
    EXPECT_EQ(life_in(history).last_epoch, 3);
}

} // namespace
} // namespace cedana::job
