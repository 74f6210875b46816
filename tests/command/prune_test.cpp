// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"

#include <chrono>

#include <nlohmann/json.hpp>

#include "command/command_fixture.hpp"
#include "support/synthetic_checkpoint.hpp"

namespace cedana::testing {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

class Prune : public AnyUser {
  protected:
    Prune() {
        fs::create_directories(store());
        for (int age = 1; age <= 3; ++age) {
            const auto when = std::chrono::system_clock::now() - std::chrono::hours(age);
            write_checkpoint(store() / ("redis_" + std::to_string(age) + ".zip"),
                             plausible_manifest("redis", 42, utc_iso(when)));
        }
    }
    [[nodiscard]] fs::path store() const { return folder() / "store"; }
    [[nodiscard]] CedanaRun prune(const std::vector<std::string>& more) const {
        std::vector<std::string> arguments = {"client", "prune", store()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return cedana(arguments);
    }
};

TEST_F(Prune, RemovesWhatTheRulesDoNotKeepAndSaysSo) {
    const CedanaRun run = prune({"--keep-last", "2"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(matches(run.out, "[^]*redis_3.zip .*removed\n"));
    EXPECT_TRUE(matches(run.err, ".* freed, 2 kept by the rules\n"));
    EXPECT_EQ(names_in(store(), ".zip"), (std::vector<std::string>{"redis_1.zip", "redis_2.zip"}));
}

TEST_F(Prune, OnlySaysSoOnADryRun) {
    const CedanaRun run = prune({"--keep-last", "1", "--dry-run"});
    EXPECT_TRUE(holds(run.out, "would be removed"));
    EXPECT_EQ(names_in(store(), ".zip").size(), 3U);
}

TEST_F(Prune, TakesTheRulesOfTheConfig) {
    options.environment["CEDANA_SHARED_STORAGE_KEEP_LAST"] = "1";
    const Json json = Json::parse(only_line(prune({"--json"}).out));
    EXPECT_EQ(json.at("kept_count"), 1);
    EXPECT_EQ(json.at("surplus").size(), 2U);
    EXPECT_EQ(json.at("surplus").at(0).at("removed"), true);
    EXPECT_EQ(names_in(store(), ".zip"), (std::vector<std::string>{"redis_1.zip"}));
}

TEST_F(Prune, IsExit2WithoutARule) {
    const CedanaRun run = prune({});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "no rule says what to keep"));
    EXPECT_EQ(names_in(store(), ".zip").size(), 3U);
}

TEST_F(Prune, IsExit2ForANumberThatIsNone) { EXPECT_EQ(prune({"--keep-last", "few"}).exit_code, 2); }

} // namespace
} // namespace cedana::testing
