// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/migration/record.hpp"

#include <array>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "unit/temp_folder.hpp"

namespace cedana::migration {
namespace {

const std::string k_id(32, 'a');

class MigrationRecord : public test::InTempFolder {};

TEST_F(MigrationRecord, IsBusyWhileItsWriterLives) {
    {
        OpenRecord open(path("m"), k_id);
        open.write({.id = k_id, .fate = Fate::ready, .root = ProcessMark{.pid = 7, .start_time = 9}});
        const auto found = find_record(path("m"), k_id);
        ASSERT_TRUE(found);
        EXPECT_TRUE(found->busy);
        EXPECT_EQ(found->record.fate, Fate::ready);
        EXPECT_EQ(found->record.root, (ProcessMark{.pid = 7, .start_time = 9}));
    }
    EXPECT_FALSE(find_record(path("m"), k_id)->busy);
}

TEST_F(MigrationRecord, IsThereFromItsFirstMomentOn) {
    { const OpenRecord open(path("m"), k_id); }
    EXPECT_EQ(find_record(path("m"), k_id)->record.fate, Fate::receiving);
}

TEST_F(MigrationRecord, IsOneOfOneMigration) {
    const OpenRecord open(path("m"), k_id);
    EXPECT_THROW(OpenRecord(path("m"), k_id), Error);
    EXPECT_FALSE(find_record(path("m"), std::string(32, 'b')));
}

TEST_F(MigrationRecord, TakesNoFateThatIsNone) {
    EXPECT_THROW(static_cast<void>(parse_record(R"({"id":"a","state":"flies","name":"","why":""})")), Error);
    EXPECT_THROW(static_cast<void>(parse_record("")), Error);
}

TEST_F(MigrationRecord, IsDroppedOnceItIsOldAndNothingRuns) {
    constexpr auto k_age = std::chrono::hours(24);
    const auto own = own_mark();
    const ProcessMark gone{.pid = own.pid, .start_time = own.start_time + 1};
    const std::map<char, Record> records = {{'a', {.id = {}, .fate = Fate::ended}},
                                            {'b', {.id = {}, .fate = Fate::runs, .root = gone}},
                                            {'c', {.id = {}, .fate = Fate::runs, .root = own}},
                                            {'d', {.id = {}, .fate = Fate::receiving}},
                                            {'e', {.id = {}, .fate = Fate::ended}}};
    std::optional<OpenRecord> at_work;
    for (auto [letter, record] : records) {
        record.id = std::string(32, letter);
        std::optional<OpenRecord> open(std::in_place, path("m"), record.id);
        open->write(record);
        if (letter == 'd')
            at_work.swap(open);
        const std::array<timespec, 2> times = {{{.tv_sec = 1000, .tv_nsec = 0}, {.tv_sec = 1000, .tv_nsec = 0}}};
        const std::string name = letter == 'e' ? record.id + ".lock" : record.id + ".json";
        ASSERT_EQ(::utimensat(AT_FDCWD, path("m/" + name).c_str(), times.data(), 0), 0);
    }
    drop_old_records(path("m"), k_age);
    std::string left;
    for (const auto& [letter, record] : records)
        if (find_record(path("m"), std::string(32, letter)))
            left += letter;
    EXPECT_EQ(left, "cde");
    EXPECT_FALSE(std::filesystem::exists(path("m/" + std::string(32, 'a') + ".json")));
}

TEST_F(MigrationRecord, OfACommitStaysBesideTheCheckpoint) {
    const auto zip = write("x.zip", "");
    EXPECT_FALSE(find_commit(zip));
    note_commit(zip, "ssh beta cedana client receive --status 1");
    EXPECT_EQ(find_commit(zip), "ssh beta cedana client receive --status 1");
    remove_commit(zip);
    EXPECT_FALSE(find_commit(zip));
}

} // namespace
} // namespace cedana::migration
