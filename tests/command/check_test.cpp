// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "command/command_fixture.hpp"

namespace cedana::testing {
namespace {

using Json = nlohmann::json;

class Check : public WithFakeCriu {
  protected:
    [[nodiscard]] CedanaRun check(const std::vector<std::string>& more = {}) const {
        std::vector<std::string> arguments = {"check"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return cedana(arguments);
    }
    // One requirement of `check --json`.
    [[nodiscard]] Json found(const std::string& name) const {
        const Json json = Json::parse(only_line(check({"--json"}).out));
        for (const Json& one : json.at("requirements"))
            if (one.at("name") == name)
                return one;
        return {};
    }
};

TEST_F(Check, PassesWhereADumpCanWork) {
    const CedanaRun run = check();
    EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
    EXPECT_TRUE(matches(run.out, "[^]*ok +criu +" + criu().string() + ", version[^]*"));
}

TEST_F(Check, GivesOneJsonObjectOnRequest) {
    const Json json = Json::parse(only_line(check({"--json"}).out));
    EXPECT_EQ(json.at("able"), true);
    EXPECT_GE(json.at("requirements").size(), 8U);
}

TEST_F(Check, IsExit5WithTheRemedyWhenCriuIsMissing) {
    options.environment["CEDANA_CRIU_PATH"] = "/nowhere/criu";
    const CedanaRun run = check();
    EXPECT_EQ(run.exit_code, 5);
    EXPECT_TRUE(matches(run.out, "[^]*fail +criu +criu.path is /nowhere/criu[^]*"));
    EXPECT_TRUE(holds(run.out, "remedy:   run cedana-install-criu"));
    EXPECT_TRUE(holds(run.err, "cannot work here yet"));
}

TEST_F(Check, IsExit5WithTheRestLookedAtWhenTheConfigIsBroken) {
    std::filesystem::create_directories(config_file().parent_path());
    write_text(config_file(), "{ \"archive\": { \"level\": \"fast\" } }");
    const CedanaRun run = check();
    EXPECT_EQ(run.exit_code, 5);
    EXPECT_TRUE(matches(run.out, "[^]*fail +config[^]*"));
    EXPECT_TRUE(matches(run.out, "[^]*(ok|warn) +userfaultfd[^]*"));
}

TEST_F(Check, IsExit5WithTheRemedyWhenOthersCanWriteTheConfigFile) {
    static_cast<void>(cedana({"config", "init"}));
    std::filesystem::permissions(config_file(), std::filesystem::perms::others_write,
                                 std::filesystem::perm_options::add);
    EXPECT_EQ(found("config").at("standing"), "fail");
    EXPECT_EQ(found("config").at("hint"), "chmod o-w " + config_file().string());
    EXPECT_EQ(check().exit_code, 5);
    options.environment["CEDANA_SECURITY_STRICT_PERMISSIONS"] = "false";
    EXPECT_EQ(found("config").at("standing"), "warn");
}

TEST_F(Check, IsExit5WhenTheStoreIsNotThere) {
    options.environment["CEDANA_SHARED_STORAGE_DUMP_STORAGE_DIR"] = scratch("absent");
    EXPECT_EQ(check().exit_code, 5);
    EXPECT_EQ(found("store").at("hint"), "create it: mkdir -p " + scratch("absent").string());
}

TEST_F(Check, ShowsRoomAndSpeedOfTheStore) {
    options.environment["CEDANA_SHARED_STORAGE_DUMP_STORAGE_DIR"] = store();
    EXPECT_TRUE(matches(found("store").at("found").get<std::string>(), ".*: writable, .* free, .*/s.*"));
}

TEST_F(Check, OfAUserIsExit5AndAsksForRoot) {
    std::filesystem::permissions(folder(), std::filesystem::perms::all);
    std::filesystem::permissions(home(), std::filesystem::perms::all);
    options.user = {k_nobody, k_nobody};
    const CedanaRun run = check();
    EXPECT_EQ(run.exit_code, 5);
    EXPECT_TRUE(holds(run.out, "remedy:   run it with sudo"));
}

} // namespace
} // namespace cedana::testing
