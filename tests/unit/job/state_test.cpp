// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/job/state.hpp"

#include <gtest/gtest.h>

#include "unit/job/own_folder.hpp"

namespace cedana::job {
namespace {

TEST(JobState, IsReadAsItWasWritten) {
    const testing::OwnFolder folder;
    EXPECT_EQ(read_state(folder.path()), std::nullopt);
    const JobState state{.phase = Phase::backoff,
                         .since = "2026-11-22T16:45:10Z",
                         .host = "node7",
                         .epoch = 7,
                         .chain = {{.file = "b", .parent = "a", .epoch = 7, .program = 301, .tries = 1}},
                         .restored_from = "b",
                         .parent = "b",
                         .restarts = 2,
                         .end = ProgramEnd{.signal = 11}};
    write_state(folder.path(), state);
    EXPECT_EQ(read_state(folder.path()), state);
}

TEST(JobState, ThatCannotBeUnderstoodIsAnError) {
    const testing::OwnFolder folder;
    for (const char* text : {"", "{}", "no json", R"({"state": "floating"})"}) {
        replace_file(folder.path() / k_state_file, text);
        EXPECT_THROW(static_cast<void>(read_state(folder.path())), Error) << text;
    }
}

TEST(JobState, NamesNoCheckpointOutsideOfItsFolder) {
    const testing::OwnFolder folder;
    for (const char* name : {"../a.zip", "/etc/passwd", ".."}) {
        write_state(folder.path(), {.chain = {{.file = name}}});
        EXPECT_THROW(static_cast<void>(read_state(folder.path())), Error) << name;
    }
}

TEST(JobRecord, IsOfTheSameCommandByArgumentsFolderAndUser) {
    const JobRecord record{.name = "a", .argv = {"x", "1"}, .cwd = "/srv", .user = "u", .uid = 1000};
    const testing::OwnFolder folder;
    write_record(folder.path(), record);
    EXPECT_EQ(read_record(folder.path()), record);
    EXPECT_TRUE(record.is_command_of(*read_record(folder.path())));
    JobRecord other = record;
    other.argv = {"x", "2"};
    EXPECT_FALSE(record.is_command_of(other));
    other = record;
    other.uid = 0;
    EXPECT_FALSE(record.is_command_of(other));
}

TEST(JobHistory, CountsWhatIsDamaged) {
    const testing::OwnFolder folder;
    EXPECT_TRUE(read_history(folder.path()).events.empty());
    append_history(folder.path(), "starting", {{"epoch", 1}});
    replace_file(folder.path() / k_history_file, read_file(folder.path() / k_history_file) + "half a li\n[]\n");
    const History history = read_history(folder.path());
    EXPECT_EQ(history.events.size(), 1U);
    EXPECT_EQ(history.damaged, 2U);
}

TEST(JobHistory, GrowsByLines) {
    const testing::OwnFolder folder;
    append_history(folder.path(), "starting", {{"epoch", 1}});
    append_history(folder.path(), "running", {{"pid", 4711}});
    const std::vector<std::string> lines = split(read_file(folder.path() / k_history_file), '\n');
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(nlohmann::json::parse(lines[1]).at("pid"), 4711);
}

TEST(Phases, AreCalledAsTheyAreRead) {
    for (int number = 0; number <= static_cast<int>(Phase::failed); ++number) {
        const auto phase = static_cast<Phase>(number);
        EXPECT_EQ(phase_of(name_of(phase)), phase);
    }
}

} // namespace
} // namespace cedana::job
