// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"

#include <nlohmann/json.hpp>

#include "command/command_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class ConfigCommand : public AnyUser {
  protected:
    [[nodiscard]] Json shown(const std::string& key) const {
        const CedanaRun run = cedana({"config", "show", "--json"});
        EXPECT_EQ(run.exit_code, 0) << run.err;
        return Json::parse(only_line(run.out)).at(key);
    }
};

TEST_F(ConfigCommand, PathPrintsWhereTheFileIs) {
    const CedanaRun run = cedana({"config", "path"});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_EQ(run.out, config_file().string() + "\n");
    EXPECT_EQ(run.err, "");
}

TEST_F(ConfigCommand, PathFollowsTheFlag) {
    EXPECT_EQ(cedana({"config", "path", "--config", "/srv/other.json"}).out, "/srv/other.json\n");
}

TEST_F(ConfigCommand, PathFollowsTheEnvironment) {
    options.environment["CEDANA_CONFIG"] = "/srv/other.json";
    EXPECT_EQ(cedana({"config", "path"}).out, "/srv/other.json\n");
}

TEST_F(ConfigCommand, InitCreatesTheFileAndPrintsItsPath) {
    const CedanaRun run = cedana({"config", "init"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, config_file().string() + "\n");
    EXPECT_TRUE(holds(read_file(config_file()), "        // \"leave_running\": true,\n"));
}

TEST_F(ConfigCommand, InitNeverRewritesAFile) {
    write_text(config_file(), "{}");
    const CedanaRun run = cedana({"config", "init"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(read_file(config_file()), "{}");
}

TEST_F(ConfigCommand, ShowListsEverySettingWithItsValueAndOrigin) {
    write_text(config_file(), "{\n\"archive\": {\n\"level\": 7}}");
    const CedanaRun run = cedana({"config", "show"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.out, "client.leave_running "));
    EXPECT_TRUE(matches(run.out, "[^]*\narchive\\.level +7 +" + config_file().string() + ":3\n[^]*"));
}

TEST_F(ConfigCommand, ShowNamesTheFileAndLineOfAValue) {
    write_text(config_file(), "{\n\"archive\": {\n\"level\": 7}}");
    EXPECT_EQ(shown("archive.level").at("value"), 7);
    EXPECT_EQ(shown("archive.level").at("origin"), config_file().string() + ":3");
}

TEST_F(ConfigCommand, ShowNamesTheVariableOfAValue) {
    write_text(config_file(), R"({"archive": {"level": 7}})");
    options.environment["CEDANA_ARCHIVE_LEVEL"] = "9";
    EXPECT_EQ(shown("archive.level").at("value"), 9);
    EXPECT_EQ(shown("archive.level").at("origin"), "environment variable CEDANA_ARCHIVE_LEVEL");
}

TEST_F(ConfigCommand, ShowNamesTheDefaults) {
    write_text(config_file(), "{}");
    EXPECT_EQ(shown("archive.compression").at("value"), "zstd");
    EXPECT_EQ(shown("archive.compression").at("origin"), "default");
}

TEST_F(ConfigCommand, TheFlagNamesAnotherFile) {
    write_text(folder() / "other.json", R"({"archive": {"level": 3}})");
    const CedanaRun run = cedana({"--config", folder() / "other.json", "config", "show", "--json"});
    EXPECT_EQ(Json::parse(run.out).at("archive.level").at("value"), 3);
    EXPECT_FALSE(fs::exists(config_file()));
}

TEST_F(ConfigCommand, AFileThatTheFlagNamesMustBeThere) {
    const CedanaRun run = cedana({"--config", folder() / "missing.json", "config", "show"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, (folder() / "missing.json").string() + " does not exist"));
}

// Those that only look leave no trace of themselves.
TEST_F(ConfigCommand, NothingIsWrittenByWhatOnlyLooks) {
    write_text(folder() / "a.zip", "PK");
    for (const std::vector<std::string>& words : {std::vector<std::string>{"config", "show"},
                                                  {"config", "path"},
                                                  {"check"},
                                                  {"client", "list", folder()},
                                                  {"client", "inspect", folder() / "a.zip"},
                                                  {"client", "verify", folder() / "a.zip"},
                                                  {"client", "find", "x"},
                                                  {"client", "dump", "-p", "1", "-d", folder(), "--dry-run"},
                                                  {"client", "restore", folder() / "a.zip", "--dry-run"},
                                                  {"client", "prune", folder(), "--keep-last", "1", "--dry-run"},
                                                  {"completion", "bash"}}) {
        static_cast<void>(cedana(words));
        EXPECT_FALSE(fs::exists(config_file().parent_path())) << words.at(0) << " " << words.back();
    }
}

class FirstUseOfConfig : public WithTarget {};

TEST_F(FirstUseOfConfig, CreatesTheFile) {
    EXPECT_EQ(dump(target).exit_code, 0);
    EXPECT_TRUE(fs::is_regular_file(config_file()));
    EXPECT_EQ(fs::status(config_file()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(ConfigCommand, TheCreatedFileIsTakenWithoutAWarning) {
    static_cast<void>(cedana({"config", "init"}));
    const CedanaRun run = cedana({"config", "show"});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_EQ(run.err, "");
}

TEST_F(ConfigCommand, CommentsAndTrailingCommasAreFine) {
    write_text(config_file(), "{ // mine\n  \"archive\": { \"level\": 4, /* low */ },\n}\n");
    EXPECT_EQ(shown("archive.level").at("value"), 4);
}

TEST_F(ConfigCommand, AnUnknownKeyIsAWarningThatNamesTheNearest) {
    write_text(config_file(), "{\n  \"archive\": {\"levle\": 4}\n}\n");
    const CedanaRun run = cedana({"config", "show"});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_TRUE(holds(run.err, config_file().string() + ":2: unknown key archive.levle"));
    EXPECT_TRUE(holds(run.err, "did you mean archive.level?"));
    EXPECT_FALSE(holds(run.out, "levle"));
}

TEST_F(ConfigCommand, QuietLeavesWarningsOut) {
    write_text(config_file(), R"({"archive": {"levle": 4}})");
    EXPECT_EQ(cedana({"--quiet", "config", "show"}).err, "");
}

TEST_F(ConfigCommand, AWrongTypeIsExit2WithFileLineAndKey) {
    write_text(config_file(), "{\n  \"archive\": {\n    \"level\": \"high\"\n  }\n}\n");
    const CedanaRun run = cedana({"config", "show"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, config_file().string() + ":3: archive.level is \"high\", expected a whole number"));
}

TEST_F(ConfigCommand, AWrongValueInTheEnvironmentIsExit2WithTheVariable) {
    options.environment["CEDANA_ARCHIVE_COMPRESSION"] = "rar";
    const CedanaRun run = cedana({"config", "show"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "CEDANA_ARCHIVE_COMPRESSION"));
    EXPECT_TRUE(holds(run.err, "one of zstd, deflate, none"));
}

TEST_F(ConfigCommand, AFileThatIsNoJsonIsExit2WithItsLine) {
    write_text(config_file(), "{\n  \"archive\": [\n");
    const CedanaRun run = cedana({"config", "show"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(matches(run.err, "error: " + config_file().string() + ":[0-9]+: [^]*"));
}

} // namespace
} // namespace cedana::testing
