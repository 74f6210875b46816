// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/jsonc.hpp"
#include "cedana/model/settings.hpp"

#include <algorithm>
#include <regex>
#include <set>

#include <spdlog/fmt/fmt.h>

#include "unit/model/config_fixture.hpp"

namespace cedana::testing {

namespace {

using nlohmann::json;

const Setting& known(std::string_view key) {
    const Setting* setting = find_setting(key);
    EXPECT_NE(setting, nullptr) << key;
    return *setting;
}

TEST(Settings, HaveKeysOfAGroupAndAName) {
    for (const Setting& setting : settings())
        EXPECT_EQ(std::string(setting.group()) + "." + std::string(setting.name()), setting.key);
}

TEST(Settings, HaveDifferentKeys) {
    std::set<std::string_view> keys;
    for (const Setting& setting : settings())
        keys.insert(setting.key);

    EXPECT_EQ(keys.size(), settings().size());
}

TEST(Settings, OfWhichDefaultsFitTheirOwnBounds) {
    for (const Setting& setting : settings()) {
        Config config;
        EXPECT_TRUE(assign(config, setting, value_of(Config(), setting))) << setting.key;
    }
}

TEST(Settings, ThatRunProgramsAreRootsToSet) {
    for (const Setting& setting : settings())
        EXPECT_EQ(setting.set_by == SetBy::root,
                  setting.group() == "action_scripts" || setting.group() == "criu" || setting.group() == "containers")
            << setting.key;
}

TEST(Settings, OfWhomToTrustAndWhereToWriteAreTheAdministratorsToSet) {
    for (const Setting& setting : settings())
        EXPECT_EQ(setting.set_by == SetBy::administrator, setting.group() == "security" || setting.group() == "metrics")
            << setting.key;
}

TEST(Settings, NameTheirEnvironmentVariables) {
    EXPECT_EQ(known("client.leave_running").environment_name(), "CEDANA_CLIENT_LEAVE_RUNNING");
    EXPECT_EQ(known("archive.buffer_mib").environment_name(), "CEDANA_ARCHIVE_BUFFER_MIB");
}

TEST(Settings, HaveTheDocumentedDefaults) {
    EXPECT_EQ(
        to_json(Config()).dump(),
        R"({"client":{"process_name":"","leave_running":true,"signal_process_pre_dump":false,)"
        R"("signal_process_timeout":30,"signal_process_done_file":"","lazy_restore":false},)"
        R"("shared_storage":{"dump_storage_dir":"","mount_point":"","require_mount":false,)"
        R"("keep_last":0,"keep_days":0},)"
        R"("action_scripts":{"pre_dump":"","post_dump":"","pre_restore":"","post_restore":"","timeout":300},)"
        R"("dump":{"freeze_limit":60,"pre_copy_mib":256,"folder_mib":32},)"
        R"("archive":{"compression":"zstd","level":1,"threads":0,"buffer_mib":0},)"
        R"("files":{"capture":"writable","capture_limit_mib":256},)"
        R"("security":{"signing_key":"","trusted_keys":"","strict_permissions":true,"encryption_key":"",)"
        R"("recipients":"","identity":"","receive_unsigned":false,"receive_folders":[]},)"
        R"("run":{"interval":"","overhead_percent":1,"restart":"on-abnormal","max_restarts":5,"keep":3,"lease":60,)"
        R"("pid_namespace":true,"deadline":0,"notice":"","on_failure":""},"metrics":{"textfile_dir":""},)"
        R"("criu":{"path":"criu","extra_args":[]},)"
        R"("containers":{"podman":"podman","docker":"docker","runc":"runc"}})");
}

struct Value {
    std::string key;
    json value;
};

class SettingTakes : public ::testing::TestWithParam<Value> {};
class SettingRefuses : public ::testing::TestWithParam<Value> {};

TEST_P(SettingTakes, AValueThatFits) {
    Config config;

    EXPECT_TRUE(assign(config, known(GetParam().key), GetParam().value));
    EXPECT_EQ(value_of(config, known(GetParam().key)), GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(Values, SettingTakes,
                         ::testing::Values(Value{"client.leave_running", false},
                                           Value{"client.process_name", "jupyter notebook"},
                                           Value{"client.signal_process_timeout", 0},
                                           Value{"client.signal_process_timeout", 86400}, Value{"archive.level", 22},
                                           Value{"archive.compression", "deflate"},
                                           Value{"archive.compression", "none"}, Value{"files.capture", "none"},
                                           Value{"criu.extra_args", json::array({"-v4", "--ghost-limit=1M"})}));

TEST_P(SettingRefuses, AValueThatDoesNotFitAndKeepsTheOld) {
    Config config;

    EXPECT_FALSE(assign(config, known(GetParam().key), GetParam().value));
    EXPECT_EQ(config, Config());
}

INSTANTIATE_TEST_SUITE_P(
    Values, SettingRefuses,
    ::testing::Values(Value{"client.leave_running", "true"}, Value{"client.leave_running", 1},
                      Value{"client.process_name", nullptr}, Value{"client.process_name", std::string("a\0b", 3)},
                      Value{"client.signal_process_timeout", -1}, Value{"client.signal_process_timeout", 86401},
                      Value{"client.signal_process_timeout", 1.5}, Value{"archive.level", 0},
                      Value{"archive.level", 18446744073709551615ULL}, Value{"archive.level", "1"},
                      Value{"archive.compression", "zip"}, Value{"archive.compression", 0},
                      Value{"criu.extra_args", "-v4"}, Value{"criu.extra_args", json::array({"-v4", 4})},
                      Value{"criu.path", json::object()}));

struct Text {
    std::string key;
    std::string text;
    json value;
};

class SettingFromText : public ::testing::TestWithParam<Text> {};

TEST_P(SettingFromText, IsWhatTheFileWouldHold) {
    EXPECT_EQ(value_from_text(known(GetParam().key), GetParam().text), GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, SettingFromText,
    ::testing::Values(Text{"client.leave_running", "true", true}, Text{"client.leave_running", "0", false},
                      Text{"client.leave_running", "1", true}, Text{"client.leave_running", "yes", "yes"},
                      Text{"archive.level", "12", 12}, Text{"archive.level", "12x", "12x"},
                      Text{"archive.level", "", ""}, Text{"client.signal_process_timeout", "5", 5},
                      Text{"client.process_name", "12", "12"}, Text{"archive.compression", "none", "none"},
                      Text{"criu.extra_args", " -v4  --x ", json::array({"-v4", "--x"})},
                      Text{"criu.extra_args", R"( ["a b", "c"])", json::array({"a b", "c"})},
                      Text{"criu.extra_args", "", json::array()}, Text{"criu.extra_args", "[a", "[a"}));

struct Unknown {
    std::string key;
    std::string nearest;
};

class UnknownKey : public ::testing::TestWithParam<Unknown> {};

TEST_P(UnknownKey, HasANearestSetting) { EXPECT_EQ(nearest_setting(GetParam().key), GetParam().nearest); }

INSTANTIATE_TEST_SUITE_P(Keys, UnknownKey,
                         ::testing::Values(Unknown{"client.leave_runing", "client.leave_running"},
                                           Unknown{"clients", "client"}, Unknown{"archive.treads", "archive.threads"},
                                           Unknown{"threads", "archive.threads"},
                                           Unknown{"client.mount_point", "shared_storage.mount_point"},
                                           Unknown{"kubernetes", ""}, Unknown{"", ""}));

TEST(TemplateText, IsTheShippedFile) {
    EXPECT_EQ(read_file(std::filesystem::path(CEDANA_SOURCE_DIR) / "config" / "cedana_config.json"), template_text())
        << "write template_text() to config/cedana_config.json";
}

TEST(Reference, HasARowForEverySetting) {
    const std::string page = read_file(std::filesystem::path(CEDANA_SOURCE_DIR) / "docs" / "reference.md");

    for (const Setting& setting : settings()) {
        const std::string row = fmt::format("\n| `{}` | `{}` | ", setting.key, value_of(Config(), setting).dump());
        EXPECT_NE(page.find(row), std::string::npos) << "docs/reference.md lacks a row" << row;
    }
}

// What stands in it must not undo what /etc/cedana/config.json says.
TEST(TemplateText, SetsNothing) {
    for (const JsoncEntry& entry : parse_jsonc(template_text(), "template"))
        EXPECT_TRUE(is_group(entry.key)) << entry.key;
}

TEST(TemplateText, HoldsEveryDefaultAsACommentThatCanBeTakenOff) {
    const std::string opened = std::regex_replace(template_text(), std::regex("// \"(\\w+)\": "), "\"$1\": ");
    Config config;
    std::set<std::string> keys;
    for (const JsoncEntry& entry : parse_jsonc(opened, "template"))
        if (const Setting* setting = find_setting(entry.key)) {
            keys.insert(entry.key);
            EXPECT_TRUE(assign(config, *setting, entry.value)) << entry.key;
        }
    EXPECT_EQ(keys.size(), settings().size());
    EXPECT_EQ(config, Config());
}

// What the versions made that wrote the defaults as such, by the settings that came with them.
std::vector<JsoncEntry> generated_entries(const std::set<std::string_view>& without) {
    std::vector<JsoncEntry> entries;
    for (const Setting& setting : settings()) {
        entries.push_back({.key = std::string(setting.group()), .value = nlohmann::json::object()});
        if (!without.contains(setting.key) && setting.set_by != SetBy::administrator)
            entries.push_back({.key = std::string(setting.key), .value = value_of(Config(), setting)});
    }
    return entries;
}

TEST(GeneratedDefaults, AreThoseOfEveryVersion) {
    EXPECT_TRUE(are_generated_defaults(generated_entries({}), {}));
    EXPECT_TRUE(are_generated_defaults(generated_entries({"dump.freeze_limit", "action_scripts.timeout"}), {}));
    EXPECT_TRUE(are_generated_defaults(
        generated_entries({"dump.freeze_limit", "action_scripts.timeout", "client.lazy_restore",
                           "shared_storage.keep_last", "shared_storage.keep_days", "shared_storage.require_mount"}),
        {}));
}

TEST(GeneratedDefaults, MayLackWhatWasSetElsewhere) {
    EXPECT_TRUE(are_generated_defaults(generated_entries({"archive.level"}), {"archive.level"}));
    EXPECT_FALSE(are_generated_defaults(generated_entries({"archive.level"}), {}));
}

TEST(GeneratedDefaults, AreNotWhatSomebodyWrote) {
    EXPECT_FALSE(are_generated_defaults({{.key = "client.leave_running", .value = true}}, {}));
    EXPECT_FALSE(are_generated_defaults(parse_jsonc("{}", "a"), {}));
    auto changed = generated_entries({});
    changed.back().value = {"--verbose"};
    EXPECT_FALSE(are_generated_defaults(changed, {}));
    auto grown = generated_entries({});
    grown.push_back({.key = "client.mine", .value = 1});
    EXPECT_FALSE(are_generated_defaults(grown, {}));
}

} // namespace

} // namespace cedana::testing
