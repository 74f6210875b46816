// SPDX-License-Identifier: Apache-2.0
// --dry-run: what would be done is told, and nothing is done.
#include "cedana/base/files.hpp"

#include <fstream>

#include <nlohmann/json.hpp>

#include "command/command_fixture.hpp"
#include "support/wait.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

using DumpDryRun = WithTarget;

TEST_F(DumpDryRun, TellsWhatWouldBeDumpedAndLeavesItAlone) {
    const CedanaRun run = dump(target, {"--dry-run"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.out, "sleep would be dumped to " + store().string())) << run.out;
    EXPECT_TRUE(holds(run.out, target.pid_text())) << run.out;
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
    EXPECT_EQ(criu_runs("dump"), std::vector<std::string>());
    EXPECT_TRUE(target.runs());
}

TEST_F(DumpDryRun, EndsAsTheDumpWouldAndTellsTheRest) {
    options.environment["CEDANA_CRIU_PATH"] = "/no/such/criu";
    const CedanaRun run = cedana({"client", "dump", "-p", target.pid_text(), "-d", scratch("none"), "--dry-run"});
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_TRUE(holds(run.err, "does not exist")) << run.err;
    EXPECT_TRUE(holds(run.out, "/no/such/criu")) << run.out;
}

TEST_F(DumpDryRun, GivesOneJsonObjectWithEveryRefusal) {
    options.environment["CEDANA_CRIU_PATH"] = "/no/such/criu";
    const CedanaRun run =
        cedana({"client", "dump", "-p", target.pid_text(), "-d", scratch("none"), "--dry-run", "--json"});
    const Json json = Json::parse(only_line(run.out));
    EXPECT_EQ(json.at("pid"), target.pid());
    ASSERT_EQ(json.at("refusals").size(), 2U);
    EXPECT_EQ(json.at("refusals").at(0).at("exit_code"), 9);
    EXPECT_EQ(json.at("refusals").at(1).at("exit_code"), 5);
}

using DryRunOfAWriter = WithFakeCriu;

TEST_F(DryRunOfAWriter, NamesTheFilesThatWouldBeCaptured) {
    const Target target({"/bin/sleep", "infinity"}, scratch("output"));
    const CedanaRun run = dump(target, {"--dry-run"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.out, scratch("output").string())) << run.out;
}

TEST_F(DryRunOfAWriter, NamesWhoElseWritesToThem) {
    const Target target({"/bin/sleep", "infinity"}, scratch("output"));
    const Target other({"/bin/sleep", "infinity"}, scratch("output"));
    const CedanaRun run = dump(target, {"--dry-run"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.out, "also written to by process " + other.pid_text() + " (sleep)")) << run.out;
}

TEST_F(DryRunOfAWriter, TellsWhatWasSeen) {
    const fs::path file = scratch("locked");
    const Target target(
        {"/bin/bash", "-c",
         "exec 9>" + file.string() + "; flock 9; touch " + scratch("ready").string() + "; exec sleep infinity"});
    wait_for_file(scratch("ready"));
    const CedanaRun run = dump(target, {"--dry-run"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.out, "session " + target.pid_text() + ", no terminal")) << run.out;
    EXPECT_TRUE(holds(run.out, "locked (FLOCK ADVISORY WRITE 0 EOF): " + file.string())) << run.out;
    EXPECT_TRUE(holds(run.out, "--file-locks: it holds locks on files")) << run.out;
}

using RestoreDryRun = WithFakeCriu;

TEST_F(RestoreDryRun, TellsWhatWouldComeBackAndStartsNothing) {
    const fs::path zip = checkpoint();
    const CedanaRun run = restore(zip, {"--dry-run"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.out, "sleep, made on ")) << run.out;
    EXPECT_EQ(criu_runs("restore"), std::vector<std::string>());
}

TEST_F(RestoreDryRun, EndsAsTheRestoreWouldWhileTheOriginalRuns) {
    Target target({"/bin/sleep", "infinity"});
    const CedanaRun dumped = dump(target);
    const CedanaRun run = restore(only_line(dumped.out), {"--dry-run"});
    EXPECT_EQ(run.exit_code, 7);
    EXPECT_TRUE(holds(run.err, "it still runs")) << run.err;
}

TEST_F(RestoreDryRun, TellsOfFilesAndPutsNoneBack) {
    const fs::path output = scratch("output");
    Target target({"/bin/bash", "-c", "echo first; exec sleep infinity"}, output);
    wait_for_file(output);
    const CedanaRun dumped = dump(target, {"--stop"});
    target.wait_end();
    std::ofstream(output) << "something else";
    const CedanaRun run = restore(only_line(dumped.out), {"--dry-run"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.out, "would be put back, with a backup of what is there: " + output.string())) << run.out;
    EXPECT_EQ(read_file(output), "something else");
}

} // namespace
} // namespace cedana::testing
