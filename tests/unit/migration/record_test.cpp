// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/migration/record.hpp"

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
