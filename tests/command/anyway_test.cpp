// SPDX-License-Identifier: Apache-2.0
// --anyway: the checkpoint of what can never be restored is made, and everybody says so.
#include "cedana/base/files.hpp"

#include <optional>

#include <nlohmann/json.hpp>

#include "command/command_fixture.hpp"
#include "support/wait.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* k_reason = "has a pipe in packet mode open";

class Anyway : public WithFakeCriu {
  protected:
    void SetUp() override {
        WithFakeCriu::SetUp();
        if (IsSkipped() || HasFatalFailure())
            return;
        target.emplace(std::vector<std::string>{UNDUMPABLE, "packet_pipe", scratch("ready")});
        wait_for_file(scratch("ready"));
    }
    [[nodiscard]] fs::path made() const {
        const CedanaRun run = dump(*target, {"--anyway"});
        EXPECT_EQ(run.exit_code, 0) << run.err;
        EXPECT_TRUE(holds(run.err, "this checkpoint cannot be restored because process")) << run.err;
        return only_line(run.out);
    }

    std::optional<Target> target;
};

TEST_F(Anyway, IsAskedForByName) {
    const CedanaRun run = dump(*target);
    EXPECT_EQ(run.exit_code, 6);
    EXPECT_TRUE(holds(run.err, k_reason)) << run.err;
    EXPECT_TRUE(criu_runs("dump").empty());
}

TEST_F(Anyway, MakesACheckpointOfAProcessThatRunsOn) {
    static_cast<void>(made());
    EXPECT_TRUE(target->runs());
    EXPECT_EQ(criu_runs("dump").size(), 1U);
}

TEST_F(Anyway, IsNotForAProcessThatIsToEnd) {
    options.environment["CEDANA_CLIENT_LEAVE_RUNNING"] = "false";
    const CedanaRun run = dump(*target, {"--anyway"});
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_EQ(dump(*target, {"--anyway", "--stop"}).exit_code, 2);
    EXPECT_TRUE(criu_runs("dump").empty());
    EXPECT_TRUE(target->runs());
}

TEST_F(Anyway, TellsTheReasonInItsResult) {
    const CedanaRun run = dump(*target, {"--anyway", "--json"});
    const Json reasons = Json::parse(only_line(run.out)).at("cannot_be_restored");
    ASSERT_EQ(reasons.size(), 1U);
    EXPECT_TRUE(holds(reasons.at(0), k_reason));
    const CedanaRun plan = dump(*target, {"--anyway", "--dry-run"});
    EXPECT_EQ(plan.exit_code, 0) << plan.err;
    EXPECT_TRUE(holds(plan.out, "could never be restored because:")) << plan.out;
}

TEST_F(Anyway, IsRefusedByARestoreWithItsReason) {
    const fs::path zip = made();
    target->end();
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 7);
    EXPECT_TRUE(holds(run.err, "this checkpoint cannot be restored because")) << run.err;
    EXPECT_TRUE(holds(run.err, k_reason)) << run.err;
    EXPECT_TRUE(criu_runs("restore").empty());
}

TEST_F(Anyway, IsToldByVerify) {
    const fs::path zip = made();
    target->end();
    const CedanaRun run = cedana({"client", "verify", zip});
    EXPECT_EQ(run.exit_code, 7);
    EXPECT_TRUE(holds(run.out, "but can never be restored:")) << run.out;
    EXPECT_TRUE(holds(run.out, k_reason)) << run.out;
    const Json json = Json::parse(only_line(cedana({"client", "verify", zip, "--json"}).out));
    const Json& one = json.at("checkpoints").at(0);
    EXPECT_EQ(one.at("whole"), true);
    EXPECT_EQ(one.at("restores_here"), false);
    EXPECT_EQ(one.at("cannot_be_restored").size(), 1U);
}

TEST_F(Anyway, IsToldByListAndInspect) {
    const fs::path zip = made();
    const CedanaRun list = cedana({"client", "list", store()});
    EXPECT_TRUE(holds(list.out, "running, and it cannot be restored")) << list.out;
    EXPECT_EQ(Json::parse(cedana({"client", "list", store(), "--json"}).out).at("entries").at(0).at("restorable"),
              false);
    const CedanaRun inspected = cedana({"client", "inspect", zip});
    EXPECT_TRUE(holds(inspected.out, "never, because process")) << inspected.out;
}

// CRIU may give another reason, or none that is known.
TEST_F(Anyway, TellsWhatWasPassedOverWhenCriuFails) {
    plan("log (00.012345) Error (criu/files-reg.c:1790): Can't lookup mount=15 for fd=3 path=/secretmem (deleted)\n"
         "at images fail");
    const CedanaRun run = dump(*target, {"--anyway"});
    EXPECT_EQ(run.exit_code, 6) << run.err;
    EXPECT_TRUE(holds(field_of(run.err, "cause"), "--anyway passed over that process")) << run.err;
    EXPECT_TRUE(holds(field_of(run.err, "cause"), k_reason)) << run.err;
    EXPECT_TRUE(holds(field_of(run.err, "cause"), "criu: \"Can't lookup mount")) << run.err;
    EXPECT_FALSE(holds(run.err, "outside of its mount namespace")) << run.err;
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "leave --anyway out")) << run.err;
    fs::remove(field_of(run.err, "log"));
    plan("log (00.012345) Error (criu/new.c:1): Something that no one has seen\nat images fail");
    const CedanaRun unknown = dump(*target, {"--anyway"});
    EXPECT_TRUE(holds(field_of(unknown.err, "cause"), k_reason)) << unknown.err;
    EXPECT_TRUE(holds(field_of(unknown.err, "cause"), "Something that no one has seen")) << unknown.err;
    fs::remove(field_of(unknown.err, "log"));
}

} // namespace
} // namespace cedana::testing
