// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/model/manifest.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace cedana {
namespace {

using Json = nlohmann::json;

Manifest example() {
    return {.created = "2026-11-22T16:45:10Z",
            .cedana_version = "1.0.0",
            .criu_version = "3.17.1",
            .host = {.name = "host",
                     .kernel = "6.1.0",
                     .machine = "x86_64",
                     .cpu_model = "a processor",
                     .cpu_flags = {"avx", "sse4_2"}},
            .name = "redis-server",
            .label = "nightly",
            .note = "before the upgrade",
            .leave_running = false,
            .criu_options = {.shell_job = true,
                             .tcp_established = true,
                             .network_lock = "nftables",
                             .external_unix_sockets = true,
                             .file_locks = true,
                             .link_remap = true,
                             .ignore_cgroups = true,
                             .ghost_limit = 1 << 20,
                             .extra = {"-v4"}},
            .tree = {{.pid = 100,
                      .parent = 1,
                      .start_time = 18'000'000'000'000'000'000U,
                      .comm = "redis",
                      .executable = "/usr/bin/redis-server",
                      .command_line = {"redis-server", "--port", "0"},
                      .threads = {100, 101},
                      .resident_bytes = 1 << 30,
                      .memory = ProcessMemory{.anonymous = 1, .file_backed = 2, .shared = 3, .swapped = 4}},
                     {.pid = 102,
                      .parent = 100,
                      .start_time = 18'000'000'000'000'000'001U,
                      .comm = "worker",
                      .executable = "",
                      .command_line = {},
                      .threads = {102}}},
            .required_files = {{.path = "/usr/bin/redis-server", .kind = RequiredKind::file, .size = 17},
                               {.path = "/var/lib/redis", .kind = RequiredKind::folder}},
            .connections =
                {{.local_address = "10.0.0.1", .local_port = 6379, .remote_address = "fe80::1", .remote_port = 40000}},
            .external_pipes = {{.inode = 4'294'967'295,
                                .end = PipeEnd::write,
                                .descriptors = {{.pid = 100, .fd = 1}, {.pid = 102, .fd = 7}}},
                               {.inode = 300, .end = PipeEnd::read, .descriptors = {{.pid = 100, .fd = 0}}}},
            .external_terminals =
                std::vector<ExternalTerminal>{{.path = "/dev/pts/3", .descriptors = {{.pid = 100, .fd = 2}}}},
            .journal_streams = {{.inode = 301, .unit = "nginx.service", .identifier = "nginx", .log_namespace = "web"}},
            .own_terminals = {0, 7},
            .network_lock_table = "CRIU-275fc136",
            .entered_namespaces = {"uts", "mnt"},
            .systemd_unit = "nginx.service",
            .outside_files = {{.id = "file[1a3:4]", .path = "/dev/null"}},
            .unit_entries = {{.path = "/tmp", .is_private = true, .mode = 01777},
                             {.kind = UnitEntryKind::link,
                              .path = "/run/a/link",
                              .target = "../b",
                              .mode = 0777,
                              .owner = 33,
                              .group = 34}},
            .link_remaps = {{.lost = "/var/lost", .link = "/var/link_remap.7"},
                            {.lost = "/a", .link = "/link_remap.1", .waits = "/link_remap.1.0123456789abcdef"}},
            .attributes = {{.pid = 100,
                            .coredump_filter = 0x7f,
                            .oom_score_adj = -17,
                            .autogroup_nice = -5,
                            .personality = 0x40000,
                            .limits = {1024, 18'446'744'073'709'551'615U},
                            .threads = {{.threads = {100, 101},
                                         .cpus = "0-3,8",
                                         .io_priority = 24576,
                                         .timer_slack = 50000,
                                         .sched_policy = 2,
                                         .sched_flags = 1,
                                         .nice = -3,
                                         .sched_priority = 5,
                                         .sched_runtime = 3'000'000,
                                         .util_min = 1,
                                         .util_max = 1024}},
                            .locked_on_fault = {{.start = 0x1000, .end = 0x7f0000000000}},
                            .exclusive_terminals = {5},
                            .hung_up_masters = {6},
                            .posix_locks = {{.fd = 7, .exclusive = true, .start = 100, .length = 1}}},
                           {.pid = 102, .threads = {{.threads = {102}}}}},
            .socket_options =
                {{.pid = 100,
                  .fd = 6,
                  .options = {{.name = "TCP_DEFER_ACCEPT", .value = std::string("\3\0\0\0", 4)}},
                  .groups = {{.device = "eth0", .group = "239.1.2.3", .only_sources = true, .sources = {"10.0.0.1"}}}}},
            .sandbox_lost = {"process 100 (redis) has sealed 3 of its mappings"},
            .images = 7,
            .bytes_images = 123456,
            .digests = {{"index", "00ff"}, {"criu/dump.log", "ff00"}},
            .timings = {{"capture", 0.25}},
            .frozen_seconds = 0.125,
            .files = {{.path = "/var/log/redis.log",
                       .entry = "0",
                       .size = 1000,
                       .digest = std::string(64, 'a'),
                       .mode = 0640,
                       .owner = 106,
                       .group = 4,
                       .extended_attributes = {{"user.a", std::string("\0\xff", 2)}},
                       .accessed = 1'795'494'702'011'882'132,
                       .modified = -1,
                       .uses = {{.pid = 100, .fd = 3, .flags = 02001}, {.pid = 102, .fd = -1, .flags = 0}}},
                      {.path = "/var/lib/redis/dump.rdb", .size = 1UL << 40}},
            .superseded_files = {"1"},
            .places = {{.path = "/srv/a",
                        .mode = 02755,
                        .owner = 7,
                        .group = 8,
                        .extended_attributes = {{"system.posix_acl_default", "x"}}},
                       {.path = "/srv/a/l", .leads_to = "../\xff", .mode = 0777}},
            .watch = WatchRecord{.available = true, .gaps = {"it wrote more than 4096 files"}},
            .facts = RecordedFacts{
                .processes = {{.pid = 100,
                               .group = 99,
                               .session = 98,
                               .terminal = "/dev/pts/3",
                               .tracer = 7,
                               .seccomp = 2,
                               .timers = 1,
                               .namespaces = {"net:[4026532001]"},
                               .cgroups = {"0::/user.slice"},
                               .descriptors = {{.fd = 3,
                                                .kind = OpenKind::file,
                                                .target = "/var/log/redis.log",
                                                .flags = 02001,
                                                .position = 1000,
                                                .names = 1,
                                                .locks = {"FLOCK ADVISORY WRITE 0 EOF"}},
                                               {.fd = 4, .kind = OpenKind::inotify, .target = "inotify", .watches = 9}},
                               .descriptors_left_out = 5},
                              {.pid = 102}},
                .processes_left_out = 6,
                .sockets = {{.inode = 18,
                             .kind = "unix stream",
                             .state = "connected",
                             .local = "/run/a.sock",
                             .remote = "b",
                             .peer = 19,
                             .peer_outside = "process 7 (other)"}},
                .sockets_left_out = 7,
                .mapped = {{.target = "/usr/lib/a.so"}, {.target = "/data", .written = true}},
                .mapped_left_out = 8}};
}

Json example_json() { return Json::parse(write_manifest(example())); }

struct Refusal {
    std::optional<Fault> fault;
    std::string message;
    std::string hint;
};

Refusal refusal_of(const std::string& text) {
    try {
        static_cast<void>(parse_manifest(text));
    } catch (const Error& error) {
        return {error.fault(), error.message(), error.hint()};
    }
    return {std::nullopt, "not refused", ""};
}

// Every value inside, the folders first.
std::vector<std::string> pointers_of(const Json& json) {
    std::vector<std::string> pointers;
    const Json flat = json.flatten();
    for (const auto& [pointer, value] : flat.items()) {
        static_cast<void>(value);
        for (std::size_t end = pointer.find('/', 1); end != std::string::npos; end = pointer.find('/', end + 1))
            pointers.push_back(pointer.substr(0, end));
        pointers.push_back(pointer);
    }
    return pointers;
}

// A manifest with another value at a place.
std::string with(const std::string& pointer, const Json& value) {
    Json json = example_json();
    json[Json::json_pointer(pointer)] = value;
    return json.dump();
}

TEST(Manifest, IsReadAsItWasWritten) {
    const Manifest read = parse_manifest(write_manifest(example()));
    EXPECT_EQ(write_manifest(read), write_manifest(example()));
    EXPECT_EQ(read.criu_options, example().criu_options);
    EXPECT_EQ(read.tree.at(0).start_time, 18'000'000'000'000'000'000U);
    EXPECT_EQ(read.tree.at(0).threads, (std::vector<pid_t>{100, 101}));
    EXPECT_EQ(read.tree.at(0).memory, example().tree.at(0).memory);
    EXPECT_EQ(read.tree.at(1).memory, std::nullopt);
    EXPECT_EQ(read.frozen_seconds, 0.125);
    EXPECT_EQ(read.tree.at(1).parent, 100);
    EXPECT_EQ(read.required_files, example().required_files);
    EXPECT_EQ(read.connections, example().connections);
    EXPECT_EQ(read.external_pipes, example().external_pipes);
    EXPECT_EQ(read.external_terminals, example().external_terminals);
    EXPECT_EQ(read.own_terminals, example().own_terminals);
    EXPECT_EQ(read.digests, example().digests);
    EXPECT_EQ(read.timings, example().timings);
    EXPECT_EQ(read.files, example().files);
    EXPECT_EQ(read.watch, example().watch);
    EXPECT_EQ(read.facts, example().facts);
}

TEST(Manifest, OfBeforeFilesWereCapturedHasNone) {
    Json json = example_json();
    json.erase("files");
    json.erase("watch");
    json.erase("facts");
    EXPECT_FALSE(parse_manifest(json.dump()).facts.has_value());
    EXPECT_TRUE(parse_manifest(json.dump()).files.empty());
    EXPECT_FALSE(parse_manifest(json.dump()).watch.has_value());
}

TEST(Manifest, KeepsEveryByteOfThePathOfAFile) {
    Manifest manifest = example();
    manifest.files[0].path = "/tmp/a\xff\n\"b";
    EXPECT_EQ(parse_manifest(write_manifest(manifest)).files[0].path, manifest.files[0].path);
}

TEST(Manifest, OfBeforeNeedsWereKeptNeedsNothing) {
    Json json = example_json();
    json.erase("required_files");
    json.erase("connections");
    EXPECT_TRUE(parse_manifest(json.dump()).required_files.empty());
    EXPECT_TRUE(parse_manifest(json.dump()).connections.empty());
}

TEST(Manifest, SaysWhetherAllThatWasWrittenIsThere) {
    EXPECT_TRUE(WatchRecord{}.complete());
    EXPECT_FALSE((WatchRecord{.available = true, .gaps = {"some"}}.complete()));
    EXPECT_FALSE((WatchRecord{.available = false, .gaps = {}}.complete()));
}

TEST(Manifest, OfBeforeEndsWereKeptDoesNotKnowWhetherItHadATerminal) {
    Json json = example_json();
    json.erase("external_pipes");
    json.erase("external_terminals");
    json.erase("own_terminals");
    EXPECT_TRUE(parse_manifest(json.dump()).external_pipes.empty());
    EXPECT_EQ(parse_manifest(json.dump()).external_terminals, std::nullopt);
}

TEST(Manifest, TakesKeysThatALaterVersionAdds) {
    EXPECT_NO_THROW(static_cast<void>(parse_manifest(with("/added", 1))));
}

class MissingKey : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(
    Manifest, MissingKey,
    ::testing::Values("/format_version", "/created", "/name", "/leave_running", "/cedana_version", "/criu_version",
                      "/host", "/host/name", "/host/kernel", "/host/machine", "/host/cpu_model", "/host/cpu_flags",
                      "/criu_options", "/criu_options/shell_job", "/criu_options/tcp_established",
                      "/criu_options/network_lock", "/criu_options/external_unix_sockets", "/criu_options/file_locks",
                      "/criu_options/link_remap", "/criu_options/ghost_limit", "/criu_options/extra", "/tree",
                      "/tree/0", "/tree/0/pid", "/tree/0/parent", "/tree/0/start_time", "/tree/0/comm",
                      "/tree/0/executable", "/tree/0/command_line", "/tree/0/threads", "/tree/0/resident_bytes",
                      "/images", "/bytes_images", "/digests", "/timings", "/files/0/path", "/files/0/entry",
                      "/files/0/size", "/files/0/sha256", "/files/0/mode", "/files/0/owner", "/files/0/group",
                      "/files/0/accessed", "/files/0/modified", "/files/0/uses", "/files/0/uses/0/pid",
                      "/files/0/uses/0/fd", "/files/0/uses/0/flags", "/watch/available", "/watch/gaps",
                      "/facts/processes", "/facts/sockets", "/facts/mapped", "/facts/processes/0/pid",
                      "/facts/processes/0/descriptors", "/facts/processes/0/descriptors/0/fd",
                      "/facts/processes/0/descriptors/0/kind", "/facts/sockets/0/inode", "/facts/mapped/0/target"),
    [](const auto& instance) {
        std::string name = instance.param.substr(1);
        std::ranges::replace(name, '/', '_');
        return name;
    });

TEST_P(MissingKey, IsRefused) {
    const Json::json_pointer pointer(GetParam());
    Json json = example_json();
    json["tree"].erase(1);
    Json& parent = json[pointer.parent_pointer()];
    parent.is_array() ? parent.erase(0) : static_cast<void>(parent.erase(pointer.back()));
    EXPECT_EQ(refusal_of(json.dump()).fault, Fault::checkpoint);
}

TEST(Manifest, RefusesAnObjectInPlaceOfAnyValue) {
    for (const std::string& pointer : pointers_of(example_json()))
        EXPECT_EQ(refusal_of(with(pointer, {{"a", Json::object()}})).fault, Fault::checkpoint) << pointer;
}

TEST(Manifest, RefusesNullInPlaceOfAnyValue) {
    for (const std::string& pointer : pointers_of(example_json()))
        EXPECT_EQ(refusal_of(with(pointer, nullptr)).fault, Fault::checkpoint) << pointer;
}

struct Absurd {
    const char* pointer;
    Json value;
};
class AbsurdValue : public ::testing::TestWithParam<Absurd> {};
INSTANTIATE_TEST_SUITE_P(
    Manifest, AbsurdValue,
    ::testing::Values(
        Absurd{"/tree/0/pid", 0}, Absurd{"/tree/0/pid", -1}, Absurd{"/tree/0/pid", 4'194'305},
        Absurd{"/tree/0/pid", 1.5}, Absurd{"/tree/0/pid", "100"}, Absurd{"/tree/0/pid", true},
        Absurd{"/tree/0/pid", 4'294'967'396}, Absurd{"/tree/0/pid", 18'446'744'073'709'551'516U},
        Absurd{"/tree/0/threads/0", 0}, Absurd{"/tree/0/threads/0", -5}, Absurd{"/tree/0/parent", -1},
        Absurd{"/tree/0/parent", 4'294'967'296}, Absurd{"/tree/0/start_time", -1}, Absurd{"/tree/0/resident_bytes", -1},
        Absurd{"/tree/0/resident_bytes", 1e300}, Absurd{"/images", -1}, Absurd{"/bytes_images", -1},
        Absurd{"/bytes_images", 1.5}, Absurd{"/criu_options/ghost_limit", -1},
        Absurd{"/criu_options/ghost_limit", 1e300}, Absurd{"/criu_options/shell_job", 1},
        Absurd{"/leave_running", "no"}, Absurd{"/tree/0/threads", Json::array()}, Absurd{"/tree", Json::array()},
        Absurd{"/tree/1/pid", 100}, Absurd{"/files", true}, Absurd{"/files/0/path", ""}, Absurd{"/files/0/path", "/"},
        Absurd{"/files/0/path", "log"}, Absurd{"/files/0/path", "/var/../log"}, Absurd{"/files/0/path", "/var/log/.."},
        Absurd{"/files/0/path", "/var/./log"}, Absurd{"/files/0/path", "/var//log"},
        Absurd{"/files/0/path", "/var/log/"}, Absurd{"/files/0/path", std::string("/var/a\0b", 8)},
        Absurd{"/files/0/path", "/var/lib/redis/dump.rdb"}, Absurd{"/files/0/path_hex", "2f7"},
        Absurd{"/files/0/path_hex", "2fXX"}, Absurd{"/files/0/path_hex", "2f2e2e2f61"},
        Absurd{"/files/0/entry", "1/../2"}, Absurd{"/files/0/entry", "01"}, Absurd{"/files/0/entry", "-1"},
        Absurd{"/files/0/entry", "index"}, Absurd{"/files/1/entry", "0"}, Absurd{"/files/1/entry", "1"},
        Absurd{"/files/0/size", -1}, Absurd{"/files/0/size", 1UL << 63}, Absurd{"/files/0/sha256", ""},
        Absurd{"/files/0/sha256", std::string(63, 'a')}, Absurd{"/files/0/sha256", std::string(64, 'A')},
        Absurd{"/files/0/extended_attributes", Json{{"security.capability", "00"}}},
        Absurd{"/files/0/extended_attributes", Json{{"user.", "00"}}},
        Absurd{"/files/0/extended_attributes", Json{{"user.a", "0"}}}, Absurd{"/files/0/mode", 0100644},
        Absurd{"/files/0/owner", -1}, Absurd{"/files/0/owner", 4'294'967'295},
        Absurd{"/facts/processes/0/descriptors/0/kind", "files"}, Absurd{"/facts/processes/0/descriptors/0/fd", -1},
        Absurd{"/facts/processes/0/pid", 4'194'305}, Absurd{"/files/0/modified", 1.5},
        Absurd{"/files/0/accessed", 1UL << 63}, Absurd{"/files/0/uses/0/fd", -2},
        Absurd{"/files/0/uses/0/fd", 1UL << 31}, Absurd{"/files/0/uses/0/pid", 4'194'305},
        Absurd{"/required_files/0/path", "usr/bin/redis-server"}, Absurd{"/required_files/0/kind", "wish"},
        Absurd{"/connections/0/local_port", 65536}, Absurd{"/connections/0/remote_port", -1},
        Absurd{"/external_pipes/0/inode", 1UL << 32}, Absurd{"/external_pipes/0/end", "both"},
        Absurd{"/external_pipes/0/descriptors/0/fd", -1}, Absurd{"/external_terminals/0/descriptors/0/pid", -1},
        Absurd{"/required_files/0/size", -1}));

TEST_P(AbsurdValue, IsRefused) {
    EXPECT_EQ(refusal_of(with(GetParam().pointer, GetParam().value)).fault, Fault::checkpoint)
        << GetParam().pointer << " = " << GetParam().value;
}

TEST(Manifest, OfAnotherVersionSaysWhoCanReadIt) {
    const Refusal refusal = refusal_of(with("/format_version", k_manifest_version_with_features + 1));
    EXPECT_EQ(refusal.fault, Fault::checkpoint);
    EXPECT_NE(refusal.message.find("format version 3"), std::string::npos) << refusal.message;
    EXPECT_NE(refusal.hint, "");
}

// What a later version changes cannot be known here, so its version comes before everything else.
TEST(Manifest, OfAnotherVersionIsToldByItsVersionAlone) { EXPECT_NE(refusal_of(R"({"format_version": 3})").hint, ""); }

TEST(Manifest, WithoutFeaturesIsTheFirstVersionsToo) {
    EXPECT_EQ(example_json().at("format_version"), k_manifest_version);
    EXPECT_FALSE(example_json().contains("required_features"));
}

TEST(Manifest, WithAFeatureIsRefusedByWhoDoesNotKnowIt) {
    Manifest manifest = example();
    manifest.required_features = {"flight"};
    const std::string text = write_manifest(manifest);
    EXPECT_EQ(Json::parse(text).at("format_version"), k_manifest_version_with_features);
    const Refusal refusal = refusal_of(text);
    EXPECT_EQ(refusal.fault, Fault::checkpoint);
    EXPECT_NE(refusal.message.find("'flight'"), std::string::npos) << refusal.message;
    EXPECT_NE(refusal.hint, "");
    constexpr std::array<std::string_view, 2> known = {"diving", "flight"};
    EXPECT_EQ(parse_manifest(text, known).required_features, manifest.required_features);
}

TEST(Manifest, KeepsACommandLineThatIsNotUtf8AsFarAsItIs) {
    Manifest manifest = example();
    manifest.tree[0].command_line = {"a\xff"
                                     "b"};
    manifest.tree[0].comm = "\xc3";
    const Manifest read = parse_manifest(write_manifest(manifest));
    EXPECT_EQ(read.tree[0].command_line.at(0), "a\xef\xbf\xbd"
                                               "b");
    EXPECT_EQ(read.tree[0].comm, "\xef\xbf\xbd");
}

TEST(Manifest, ThatWasCutShortIsRefusedWhereverItEnds) {
    const std::string text = write_manifest(example());
    // The last two bytes are the closing brace and the end of the line.
    for (std::size_t size = 0; size < text.size() - 1; ++size)
        ASSERT_EQ(refusal_of(text.substr(0, size)).fault, Fault::checkpoint) << size;
}

// Showing the value would have ended in a stack without room.
TEST(Manifest, WithAValueThatIsNestedWithoutEndIsRefused) {
    constexpr std::size_t k_depth = 1'000'000;
    std::string text = with("/images", 4242);
    text.replace(text.find("4242"), 4, std::string(k_depth, '[') + std::string(k_depth, ']'));
    EXPECT_EQ(refusal_of(text).fault, Fault::checkpoint);
}

TEST(Manifest, MayHoldBracketsInItsTexts) {
    Manifest manifest = example();
    manifest.tree[0].command_line = {"sh", "-c", std::string(100, '[') + "\"\\" + std::string(100, '{')};
    EXPECT_EQ(parse_manifest(write_manifest(manifest)).tree[0].command_line, manifest.tree[0].command_line);
}

class NoManifest : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Manifest, NoManifest,
                         ::testing::Values("", "null", "[]", "1", "\"text\"", "{}", std::string(100'000, '['),
                                           std::string(10, '\0'), "\xff\xfe"));

TEST_P(NoManifest, IsRefused) { EXPECT_EQ(refusal_of(GetParam()).fault, Fault::checkpoint); }

TEST(Manifest, OfWhatCanNeverBeRestoredIsRefusedByOlderVersions) {
    Manifest manifest = example();
    manifest.required_features = {std::string(k_never_restored)};
    manifest.cannot_be_restored = {"process 42 (redis) is odd"};
    const std::string text = write_manifest(manifest);
    EXPECT_EQ(parse_manifest(text).cannot_be_restored, manifest.cannot_be_restored);
    EXPECT_THROW(static_cast<void>(parse_manifest(text, {})), Error);
}

TEST(Manifest, CallsFilesOfOtherMountNamespacesAsCriuDoes) {
    Manifest manifest = example();
    manifest.outside_files = {{.id = "file[1:4]:x", .path = "/dev/null"}};
    EXPECT_EQ(refusal_of(write_manifest(manifest)).fault, Fault::checkpoint);
    manifest.outside_files = {{.id = "file[1:4]", .path = "null"}};
    EXPECT_EQ(refusal_of(write_manifest(manifest)).fault, Fault::checkpoint);
}

TEST(Manifest, HasOfAUnitWhatCanBeMade) {
    Manifest manifest = example();
    manifest.unit_entries = {{.path = "/"}};
    EXPECT_EQ(refusal_of(write_manifest(manifest)).fault, Fault::checkpoint);
    manifest.unit_entries = {{.kind = UnitEntryKind::link, .path = "/run/a"}};
    EXPECT_EQ(refusal_of(write_manifest(manifest)).fault, Fault::checkpoint);
}

TEST(Manifest, GivesTheJournalLines) {
    Manifest manifest = example();
    manifest.journal_streams = {{.inode = 301, .unit = "a\nb"}};
    EXPECT_EQ(refusal_of(write_manifest(manifest)).fault, Fault::checkpoint);
}

TEST(Manifest, NamesNoOtherSocketAsThatOfAJournal) {
    Manifest manifest = example();
    manifest.journal_streams = {{.inode = 301, .unit = "a", .log_namespace = "../../tmp/x"}};
    EXPECT_EQ(refusal_of(write_manifest(manifest)).fault, Fault::checkpoint);
}

TEST(JournalSocket, TellsItsNamespace) {
    EXPECT_EQ(log_namespace_of("/run/systemd/journal/stdout"), "");
    EXPECT_EQ(log_namespace_of("/run/systemd/journal.web/stdout"), "web");
    EXPECT_EQ(journal_socket("web"), "/run/systemd/journal.web/stdout");
    for (const char* other : {"/run/systemd/journal./stdout", "/run/systemd/journal.a/b/stdout", "/run/x", ""})
        EXPECT_EQ(log_namespace_of(other), std::nullopt) << other;
}

TEST(Manifest, SaysWhyItCanNeverBeRestoredIfAndOnlyIfItCannot) {
    Manifest manifest = example();
    manifest.required_features = {std::string(k_never_restored)};
    EXPECT_EQ(refusal_of(write_manifest(manifest)).fault, Fault::checkpoint);
    manifest.required_features.clear();
    manifest.cannot_be_restored = {"it is odd"};
    EXPECT_EQ(refusal_of(write_manifest(manifest)).fault, Fault::checkpoint);
}

} // namespace
} // namespace cedana
