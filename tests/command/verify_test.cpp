// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include <unistd.h>

#include "command/command_fixture.hpp"
#include "support/made_checkpoint.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Verify : public WithFakeCriu {
  protected:
    CedanaRun verify(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {"client", "verify"});
        return cedana(std::move(arguments));
    }
    [[nodiscard]] fs::path made(const std::string& name, const CheckpointParts& parts = {}) const {
        make_checkpoint(scratch(name), parts);
        return scratch(name);
    }
    [[nodiscard]] fs::path damaged(const std::string& name) const {
        fs::path path = made(name);
        fs::resize_file(path, fs::file_size(path) - 1);
        return path;
    }
};

TEST_F(Verify, SaysThatACheckpointIsWholeAndCanBeRestoredHere) {
    const fs::path zip = checkpoint();
    const CedanaRun run = verify({zip});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, zip.string() + ": whole (1.2 MiB of images), can be restored here\n");
    EXPECT_EQ(run.err, "");
}

TEST_F(Verify, IsExit8ForADamagedOne) {
    const fs::path zip = damaged("a.zip");
    const CedanaRun run = verify({zip});
    EXPECT_EQ(run.exit_code, 8);
    EXPECT_TRUE(holds(run.out, zip.string() + ": not a whole checkpoint\n")) << run.out;
    EXPECT_TRUE(holds(run.err, "error: "));
}

TEST_F(Verify, IsExit2ForAMissingOne) {
    const CedanaRun run = verify({scratch("none.zip")});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.out, "cannot be read")) << run.out;
}

TEST_F(Verify, EndsAsARestoreWouldWhereAWholeOneCannotComeBack) {
    const Target target({"/bin/sleep", "infinity"});
    const CedanaRun run = verify({only_line(dump(target).out)});
    EXPECT_EQ(run.exit_code, 7);
    EXPECT_TRUE(holds(run.out, "whole (1.2 MiB of images), but cannot be restored here now:\n")) << run.out;
    EXPECT_TRUE(holds(run.out, "pid " + target.pid_text() + " is taken")) << run.out;
    EXPECT_TRUE(target.runs());
}

TEST_F(Verify, TellsOfEveryCheckpointAndEndsWithTheDamagedOne) {
    const fs::path foreign =
        made("foreign.zip", {.change = [](Manifest& manifest) { manifest.host.machine = "s390x"; }});
    const fs::path broken = damaged("broken.zip");
    const CedanaRun run = verify({foreign, broken, made("good.zip")});
    EXPECT_EQ(run.exit_code, 8);
    EXPECT_TRUE(holds(run.out, "foreign.zip: whole")) << run.out;
    EXPECT_TRUE(holds(run.out, "s390x")) << run.out;
    EXPECT_TRUE(holds(run.out, "broken.zip: not a whole checkpoint")) << run.out;
    EXPECT_TRUE(holds(run.out, "good.zip: whole (4.9 KiB of images), can be restored here")) << run.out;
}

TEST_F(Verify, IsExit5WhenAllAreWholeAndOneIsForeign) {
    const auto is_foreign = [](Manifest& manifest) { manifest.host.machine = "s390x"; };
    EXPECT_EQ(verify({made("good.zip"), made("foreign.zip", {.change = is_foreign})}).exit_code, 5);
}

TEST_F(Verify, GivesOneJsonObject) {
    const CedanaRun run = verify({made("good.zip"), damaged("broken.zip"), "--json"});
    const Json json = Json::parse(only_line(run.out));
    ASSERT_EQ(json.at("checkpoints").size(), 2U);
    const Json& good = json.at("checkpoints").at(0);
    EXPECT_EQ(good.at("whole"), true);
    EXPECT_EQ(good.at("restores_here"), true);
    EXPECT_EQ(good.at("name"), "made");
    const Json& broken = json.at("checkpoints").at(1);
    EXPECT_EQ(broken.at("whole"), false);
    EXPECT_EQ(broken.at("restores_here"), false);
    EXPECT_EQ(broken.at("flaw").at("exit_code"), 8);
    EXPECT_GT(json.at("bytes_read"), 0);
}

TEST_F(Verify, ReadsManyAtOnce) {
    std::vector<std::string> zips;
    for (int i = 0; i < 50; ++i)
        zips.push_back(made(std::to_string(i) + ".zip"));
    const CedanaRun run = verify(zips);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(std::ranges::count(run.out, '\n'), 50);
}

// Root has no limit of processes; a user has one.
TEST_F(Verify, ReadsAllWhereNoThreadCanBeStarted) {
    const fs::path zip = made("a.zip");
    ASSERT_EQ(::chown(zip.c_str(), k_nobody, k_nobody), 0);
    fs::copy_file(cedana_executable(), scratch("cedana"));
    options.executable = "/bin/bash";
    options.user = {k_nobody, k_nobody};
    options.home = scratch("home-of-nobody");
    const CedanaRun run = run_cedana(
        {"-c", "ulimit -u 1; exec \"$0\" \"$@\"", scratch("cedana"), "-v", "client", "verify", zip}, options);
    EXPECT_EQ(run.exit_code, 4) << run.err;
    EXPECT_TRUE(holds(run.err, "0 threads in place of 1")) << run.err;
    EXPECT_TRUE(holds(run.out, "whole (4.9 KiB of images)")) << run.out;
}

TEST_F(Verify, IsExit4ForAUserWhoCannotRestoreButFindsItWhole) {
    const fs::path zip = made("a.zip");
    ASSERT_EQ(::chown(zip.c_str(), k_nobody, k_nobody), 0);
    options.executable = scratch("cedana");
    fs::copy_file(cedana_executable(), *options.executable);
    options.user = {k_nobody, k_nobody};
    options.home = scratch("home-of-nobody");
    const CedanaRun run = verify({zip});
    EXPECT_EQ(run.exit_code, 4);
    EXPECT_TRUE(holds(run.out, "whole (4.9 KiB of images)")) << run.out;
}

} // namespace
} // namespace cedana::testing
