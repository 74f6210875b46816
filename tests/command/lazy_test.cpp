// SPDX-License-Identifier: Apache-2.0
#include <fstream>

#include <nlohmann/json.hpp>

#include "command/command_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class LazyRestore : public WithFakeCriu {
  protected:
    // Runs cedana where userfaultfd(2) fails with this error.
    [[nodiscard]] CedanaRun without_userfaultfd(const std::string& error, const std::vector<std::string>& arguments) {
        options.executable = WITHOUT_USERFAULTFD;
        std::vector<std::string> all = {error, cedana_executable().string()};
        all.insert(all.end(), arguments.begin(), arguments.end());
        return cedana(all);
    }
};

TEST_F(LazyRestore, LeavesPagesToCome) {
    const CedanaRun run = restore(checkpoint(), {"--lazy", "--wait", "--json"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Json json = Json::parse(only_line(run.out));
    const Orphan restored(json.at("pid").get<pid_t>());
    EXPECT_TRUE(holds(only(criu_runs("restore")), "--lazy-pages"));
    EXPECT_GT(json.at("lazy").at("keeper"), 0);
    EXPECT_EQ(json.at("lazy").at("bytes_lazy"), 0);
}

TEST_F(LazyRestore, FollowsFromTheConfigUnlessAFlagSaysOtherwise) {
    options.environment["CEDANA_CLIENT_LAZY_RESTORE"] = "true";
    const fs::path zip = checkpoint();
    {
        const CedanaRun run = restore(zip);
        ASSERT_EQ(run.exit_code, 0) << run.err;
        const Orphan restored(std::stoi(run.out));
    }
    const CedanaRun run = restore(zip, {"--no-lazy"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
    const std::vector<std::string> runs = criu_runs("restore");
    ASSERT_EQ(runs.size(), 2U);
    EXPECT_TRUE(holds(runs[0], "--lazy-pages"));
    EXPECT_FALSE(holds(runs[1], "--lazy-pages"));
}

TEST_F(LazyRestore, NeedsUserfaultfd) {
    const fs::path zip = checkpoint();
    const CedanaRun run = without_userfaultfd("ENOSYS", {"client", "restore", "--lazy", zip});
    EXPECT_EQ(run.exit_code, 5);
    EXPECT_TRUE(holds(run.err, "this host has no userfaultfd"));
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "CONFIG_USERFAULTFD"));
    EXPECT_EQ(criu_runs("restore"), std::vector<std::string>());
}

TEST_F(LazyRestore, SaysHowUserfaultfdIsPermitted) {
    const fs::path zip = checkpoint();
    const CedanaRun run = without_userfaultfd("EPERM", {"client", "restore", "--lazy", "--dry-run", zip});
    EXPECT_EQ(run.exit_code, 5);
    EXPECT_TRUE(holds(run.out + run.err, "vm.unprivileged_userfaultfd=1"));
}

TEST_F(LazyRestore, IsWarnedOfByCheckWithoutUserfaultfd) {
    const CedanaRun run = without_userfaultfd("EPERM", {"check"});
    EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
    EXPECT_TRUE(matches(run.out, "[^]*warn +userfaultfd +this host has no userfaultfd[^]*"));
    EXPECT_TRUE(holds(run.out, "vm.unprivileged_userfaultfd=1"));
}

TEST_F(LazyRestore, IsPlannedAndNotBegun) {
    const CedanaRun run = restore(checkpoint(), {"--lazy", "--dry-run", "--json"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(Json::parse(only_line(run.out)).at("lazy").contains("bytes_lazy"));
    EXPECT_EQ(criu_runs("restore"), std::vector<std::string>());
}

TEST_F(LazyRestore, IsNotWaitedForInTheForeground) {
    const CedanaRun run = restore(checkpoint(), {"--lazy", "--wait", "--foreground"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "there is nothing for --wait to wait for"));
    EXPECT_EQ(criu_runs("restore"), std::vector<std::string>());
}

TEST_F(LazyRestore, DoesNotGoWithAPidNamespace) {
    const CedanaRun run = restore(checkpoint(), {"--lazy", "--new-pidns"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "--lazy and --new-pidns do not go together"));
    EXPECT_EQ(criu_runs("restore"), std::vector<std::string>());
}

TEST_F(LazyRestore, ThatFailsSaysWhyAsAnyOther) {
    const fs::path zip = checkpoint();
    plan("log (00.100000) Error (x.c:1): Can't fork for 7: File exists\nat restored fail\n");
    const CedanaRun run = restore(zip, {"--lazy"});
    EXPECT_EQ(run.exit_code, 7) << run.err;
    EXPECT_TRUE(holds(run.err, "nothing of it runs"));
}

// Other tests may have transfers of their own.
TEST_F(LazyRestore, IsNotListedOnceItsMemoryIsThere) {
    const fs::path zip = checkpoint();
    const CedanaRun restored = restore(zip, {"--lazy", "--wait"});
    ASSERT_EQ(restored.exit_code, 0) << restored.err;
    const Orphan orphan(std::stoi(restored.out));
    const CedanaRun run = cedana({"client", "list", "--lazy", "--json"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(Json::parse(run.out).at("transfers").is_array());
    EXPECT_FALSE(holds(run.out, zip.string()));
}

} // namespace
} // namespace cedana::testing
