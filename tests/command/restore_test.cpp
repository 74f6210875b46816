// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"

#include <nlohmann/json.hpp>

#include "command/command_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

using Restore = WithFakeCriu;

TEST_F(Restore, PrintsThePidAndNothingElse) {
    const CedanaRun run = restore(checkpoint());
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
    EXPECT_EQ(run.out, read_file(criu_file("child")) + "\n");
    EXPECT_EQ(run.err, "");
}

TEST_F(Restore, LeavesTheProcessRunning) {
    const CedanaRun run = restore(checkpoint());
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
    EXPECT_TRUE(is_running(restored.pid()));
}

TEST_F(Restore, GivesOneJsonObjectOnRequest) {
    const fs::path zip = checkpoint();
    const CedanaRun run = restore(zip, {"--json"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Json json = Json::parse(only_line(run.out));
    const Orphan restored(json.at("pid").get<pid_t>());
    EXPECT_EQ(json.at("checkpoint"), zip.string());
    EXPECT_GT(json.at("seconds"), 0.0);
    EXPECT_EQ(json.at("bytes_images"), k_images_bytes);
    EXPECT_TRUE(json.at("timings").is_array());
}

TEST_F(Restore, WritesThePidWhereItIsAskedFor) {
    const fs::path file = scratch("pid");
    const CedanaRun run = restore(checkpoint(), {"--pid-file", file});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
    EXPECT_EQ(read_file(file), run.out);
}

TEST_F(Restore, RefusesAPidFileThatCannotBeWritten) {
    const CedanaRun run = restore(checkpoint(), {"--pid-file", scratch("none") / "pid"});
    EXPECT_EQ(run.exit_code, 9) << run.err;
    EXPECT_TRUE(holds(run.err, "cannot write its pid into"));
}

TEST_F(Restore, LeavesTheCheckpointAsItWas) {
    const fs::path zip = checkpoint();
    const std::string before = read_file(zip);
    const auto written = fs::last_write_time(zip);
    const CedanaRun run = restore(zip);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
    EXPECT_TRUE(read_file(zip) == before);
    EXPECT_EQ(fs::last_write_time(zip), written);
    EXPECT_EQ(only(names_in(store())), zip.filename());
}

TEST_F(Restore, TakesOnlyOneArgumentForEachCriuArg) {
    const fs::path zip = checkpoint();
    const CedanaRun run = cedana({"client", "restore", "--criu-arg=--tcp-close", zip});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
    EXPECT_TRUE(holds(only(criu_runs("restore")), "--tcp-close"));
}

TEST_F(Restore, UsesTheOptionsThatTheDumpChose) {
    Target target({"/bin/sleep", "infinity"});
    const CedanaRun dumped = dump(target, {"--stop", "--criu-arg=--tcp-close"});
    target.wait_end();
    const CedanaRun run = restore(only_line(dumped.out), {"--criu-arg=--file-validation=filesize"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
    EXPECT_TRUE(holds(only(criu_runs("restore")), "--tcp-close"));
    EXPECT_TRUE(holds(only(criu_runs("restore")), "--file-validation=filesize"));
}

TEST_F(Restore, TakesARelativePath) {
    options.cwd = store();
    const CedanaRun run = restore(checkpoint().filename());
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
}

TEST_F(Restore, GivesWhatWasDumpedWithEachCompression) {
    options.environment["CEDANA_ARCHIVE_COMPRESSION"] = "deflate";
    const fs::path deflated = checkpoint();
    options.environment["CEDANA_ARCHIVE_COMPRESSION"] = "none";
    const fs::path stored = checkpoint();
    const CedanaRun first = restore(deflated);
    ASSERT_EQ(first.exit_code, 0) << first.err;
    const Orphan one(std::stoi(first.out));
    const CedanaRun second = restore(stored);
    ASSERT_EQ(second.exit_code, 0) << second.err;
    const Orphan other(std::stoi(second.out));
}

TEST_F(Restore, TakesTheNewestOfTheStoreAndSaysWhich) {
    const auto zip = checkpoint();
    const CedanaRun run = cedana({"client", "restore", "latest", "-d", store()});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
    EXPECT_TRUE(holds(run.err, "taking " + zip.string()));
}

TEST_F(Restore, TakesAProgramsNameAndTheConfiguredStore) {
    static_cast<void>(checkpoint());
    options.environment["CEDANA_SHARED_STORAGE_DUMP_STORAGE_DIR"] = store();
    const CedanaRun run = cedana({"client", "restore", "sleep", "--quiet"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
    EXPECT_EQ(run.err, "");
}

TEST_F(Restore, RefusesANameOfTwoProcessesWithTheList) {
    const auto one = checkpoint();
    const auto other = checkpoint();
    const CedanaRun run = cedana({"client", "restore", "sleep", "-d", store()});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, one.string()));
    EXPECT_TRUE(holds(run.err, other.string()));
}

} // namespace
} // namespace cedana::testing
