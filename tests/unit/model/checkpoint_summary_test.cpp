// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/model/checkpoint_summary.hpp"
#include "cedana/model/manifest.hpp"

#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace cedana {
namespace {

using Json = nlohmann::json;

// Names of values that a summary takes are in other places of it too.
std::string manifest_text() {
    Manifest manifest{.created = "2026-11-22T10:00:00Z",
                      .cedana_version = "0.1.0",
                      .criu_version = "4.2.1",
                      .host = {.name = "elsewhere",
                               .kernel = "6.1.0",
                               .machine = "x86_64",
                               .cpu_model = "a processor",
                               .cpu_flags = {"name", "created"}},
                      .name = "redis",
                      .leave_running = false,
                      .criu_options = {},
                      .tree = {{.pid = 42,
                                .parent = 1,
                                .start_time = 4242,
                                .comm = "redis",
                                .executable = "/usr/bin/redis",
                                .command_line = {"redis", "--serve"},
                                .threads = {42}}},
                      .digests = {},
                      .timings = {{"name", 0.5}}};
    manifest.tree.push_back({.pid = 43,
                             .parent = 42,
                             .start_time = 1,
                             .comm = "child",
                             .executable = "/bin/child",
                             .command_line = {"name", "pid"},
                             .threads = {43}});
    manifest.bytes_images = 5'000'000'000;
    manifest.digests = {{"name", std::string(64, 'a')}, {"created", std::string(64, 'b')}};
    manifest.facts = RecordedFacts{.processes = {{.pid = 44}}};
    return write_manifest(manifest);
}

std::string changed(const std::string& pointer, const Json& value) {
    Json json = Json::parse(manifest_text());
    json[Json::json_pointer(pointer)] = value;
    return json.dump();
}

std::optional<Fault> fault_of(const std::string& text) {
    try {
        static_cast<void>(parse_summary(text));
    } catch (const Error& error) {
        return error.fault();
    }
    return std::nullopt;
}

TEST(CheckpointSummary, NamesTheEngineOfAContainer) {
    EXPECT_EQ(parse_summary(manifest_text()).engine, "");
    EXPECT_EQ(parse_summary(changed("/container", {{"name", "web"}, {"engine", "docker"}})).engine, "docker");
}

TEST(CheckpointSummary, HasWhatTheManifestSays) {
    const CheckpointSummary expected{.created = *parse_utc_iso("2026-11-22T10:00:00Z"),
                                     .name = "redis",
                                     .host = "elsewhere",
                                     .pid = 42,
                                     .start_time = 4242,
                                     .executable = "/usr/bin/redis",
                                     .command_line = {"redis\0--serve\0", 14},
                                     .leave_running = false,
                                     .processes = 2,
                                     .bytes_images = 5'000'000'000};
    EXPECT_EQ(parse_summary(manifest_text()), expected);
    // In any order of the keys.
    EXPECT_EQ(parse_summary(Json::parse(manifest_text()).dump()), expected);
}

TEST(CheckpointSummary, IsNotMisledByNamesInsideOfOtherValues) {
    const std::string odd =
        changed("/added", {{"name", "x"}, {"host", {{"name", "y"}}}, {"tree", Json::array({Json::object()})}});
    EXPECT_EQ(parse_summary(odd), parse_summary(manifest_text()));
    const std::string inner = changed("/tree/0/memory", {{"pid", 7}, {"executable", "/x"}});
    EXPECT_EQ(parse_summary(inner), parse_summary(manifest_text()));
}

TEST(CheckpointSummary, IsRefusedWithoutAValueThatItTells) {
    for (const char* pointer : {"/format_version", "/created", "/name", "/host", "/host/name", "/tree", "/tree/0/pid",
                                "/tree/0/start_time", "/tree/0/executable", "/tree/0/command_line", "/bytes_images"})
        for (const Json& wrong : {Json(nullptr), Json(-1), Json(1.5), Json(true), Json::array({1}), Json::object()})
            EXPECT_EQ(fault_of(changed(pointer, wrong)), Fault::checkpoint) << pointer << " = " << wrong;
    for (const Json& wrong : {Json(nullptr), Json(1), Json("true"), Json::array({true}), Json::object()})
        EXPECT_EQ(fault_of(changed("/leave_running", wrong)), Fault::checkpoint) << wrong;
    for (const Json& wrong : {Json(nullptr), Json(1), Json(true), Json::array({"a"}), Json::object()})
        EXPECT_EQ(fault_of(changed("/tree/0/command_line", Json::array({"redis", wrong}))), Fault::checkpoint) << wrong;
    EXPECT_EQ(fault_of(changed("/tree/0/pid", 0)), Fault::checkpoint);
    EXPECT_EQ(fault_of(changed("/created", "yesterday")), Fault::checkpoint);
    EXPECT_EQ(fault_of(changed("/format_version", k_manifest_version_with_features + 1)), Fault::checkpoint);
}

TEST(CheckpointSummary, OfACheckpointWithAFeatureThatIsNotKnownIsRefused) {
    const Json features = Json::array({"flight"});
    Json manifest = Json::parse(changed("/required_features", features));
    EXPECT_EQ(fault_of(manifest.dump()), Fault::checkpoint);
    manifest["format_version"] = k_manifest_version_with_features;
    EXPECT_EQ(fault_of(manifest.dump()), Fault::checkpoint);
    manifest["required_features"] = Json::array();
    EXPECT_EQ(parse_summary(manifest.dump()), parse_summary(manifest_text()));
    for (const Json& wrong : {Json(nullptr), Json("flight"), Json::array({1}), Json::object()}) {
        manifest["required_features"] = wrong;
        EXPECT_EQ(fault_of(manifest.dump()), Fault::checkpoint) << wrong;
    }
    manifest.erase("required_features");
    EXPECT_EQ(fault_of(manifest.dump()), Fault::checkpoint);
}

TEST(CheckpointSummary, OfATextThatWasCutShortIsRefusedUnlessItHasAllThatIsTold) {
    const std::string text = manifest_text();
    const std::size_t last = text.find("5000000000") + 10;
    for (std::size_t size = 0; size < last; ++size)
        ASSERT_EQ(fault_of(text.substr(0, size)), Fault::checkpoint) << size;
    const std::size_t next_key = text.find("\"digests\"") + 9;
    EXPECT_EQ(parse_summary(text.substr(0, next_key)), parse_summary(text));
}

TEST(CheckpointSummary, OfAValueThatIsNestedWithoutEndIsRefused) {
    EXPECT_EQ(fault_of(R"({"a": )" + std::string(1'000'000, '[')), Fault::checkpoint);
}

TEST(CheckpointSummary, HasTheLabelIfThereIsOne) {
    EXPECT_EQ(parse_summary(manifest_text()).label, "");
    Manifest manifest = parse_manifest(manifest_text());
    manifest.label = "nightly";
    EXPECT_EQ(parse_summary(write_manifest(manifest)).label, "nightly");
    EXPECT_EQ(arguments_of(parse_summary(manifest_text())), (std::vector<std::string>{"redis", "--serve"}));
}

TEST(CheckpointSummary, TellsOfOneThatCanNeverBeRestored) {
    EXPECT_TRUE(parse_summary(manifest_text()).restorable);
    Json manifest = Json::parse(changed("/required_features", Json::array({k_never_restored})));
    manifest["format_version"] = k_manifest_version_with_features;
    manifest["cannot_be_restored"] = Json::array({"it is odd"});
    EXPECT_FALSE(parse_summary(manifest.dump()).restorable);
}

} // namespace
} // namespace cedana
