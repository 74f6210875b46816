// SPDX-License-Identifier: Apache-2.0
// What --json gives: one object, also for an error; and no field that docs/reference.md does not name, nor one that it
// names and no command gives.
#include "cedana/base/files.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/cli/inspection.hpp"
#include "cedana/files/backups.hpp"
#include "cedana/files/partial_file.hpp"
#include "cedana/job/books.hpp"
#include "cedana/lazy/transfers.hpp"
#include "cedana/undo/work_folder.hpp"

#include <algorithm>
#include <csignal>
#include <map>
#include <ostream>
#include <set>

#include <nlohmann/json.hpp>

#include "command/command_fixture.hpp"
#include "support/made_checkpoint.hpp"
#include "support/podman_archive.hpp"
#include "support/synthetic_checkpoint.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Fields = std::set<std::string>;

const Fields k_error = {"fault", "exit_code", "message", "steps", "cause", "hint", "log"};

// The one object that is all of stdout.
Json object_of(const CedanaRun& run) {
    Json json = Json::parse(only_line(run.out), nullptr, false);
    EXPECT_TRUE(json.is_object()) << run.out << run.err;
    return json;
}

// Of an error, with nothing on stderr.
Json error_of(const CedanaRun& run) {
    EXPECT_EQ(run.err, "");
    Json json = object_of(run);
    for (const std::string& field : k_error)
        EXPECT_TRUE(json.contains(field)) << field;
    EXPECT_EQ(json.value("exit_code", -1), run.exit_code);
    return json;
}

using JsonError = AnyUser;

TEST_F(JsonError, IsOneObjectForAnUnknownCommand) {
    const Json json = error_of(cedana({"--json", "clinet"}));
    EXPECT_EQ(json.at("fault"), "usage");
    EXPECT_EQ(json.at("exit_code"), 2);
    EXPECT_EQ(json.at("message"), "there is no command 'clinet'; did you mean client?");
    EXPECT_EQ(json.at("hint"), "cedana --help");
    EXPECT_EQ(json.at("cause"), nullptr);
    EXPECT_EQ(json.at("steps"), Json::array());
}

TEST_F(JsonError, IsOneObjectWhereverTheOptionStands) {
    for (const std::vector<std::string>& words : {std::vector<std::string>{"--json", "client", "dump", "--no-such"},
                                                  {"client", "--json", "dump", "--no-such"},
                                                  {"client", "dump", "--no-such", "--json"},
                                                  {"client", "dump", "-p", "word", "--json"}})
        EXPECT_EQ(error_of(cedana(words)).at("exit_code"), 2);
}

TEST_F(JsonError, IsTextWhereTheWordIsNotTheOption) {
    const CedanaRun run = cedana({"client", "find", "--no-such", "--", "--json"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "error: "));
}

TEST_F(JsonError, IsOneObjectForABadConfigFile) {
    write_text(folder() / "bad.json", "{\"archive\": 7");
    const Json json = error_of(cedana({"--json", "--config", folder() / "bad.json", "config", "show"}));
    EXPECT_EQ(json.at("fault"), "usage");
    EXPECT_TRUE(holds(json.at("message").get<std::string>(), "bad.json"));
}

TEST_F(JsonError, HoldsNoCharacterThatSteersATerminal) {
    const CedanaRun run = cedana({"client", "inspect", folder() / "a\x1b[31m\x7f\xc2\x9b.zip", "--json"});
    EXPECT_EQ(error_of(run).at("exit_code"), 2);
    EXPECT_FALSE(holds(run.out, "\x1b"));
    EXPECT_FALSE(holds(run.out, "\x7f"));
    EXPECT_FALSE(holds(run.out, "\xc2\x9b"));
}

TEST_F(JsonError, OfAFormOfProgressThatIsNone) {
    EXPECT_TRUE(holds(error_of(cedana({"check", "--json", "--progress", "dots"})).at("hint").get<std::string>(),
                      "auto, none, json"));
}

using JsonResult = WithTarget;

TEST_F(JsonResult, OfACheckThatFailsHoldsTheErrorToo) {
    options.environment["CEDANA_CRIU_PATH"] = "/no/such/criu";
    const Json json = error_of(cedana({"check", "--json"}));
    EXPECT_EQ(json.at("fault"), "environment");
    EXPECT_EQ(json.at("able"), false);
    EXPECT_GE(json.at("requirements").size(), 8U);
}

TEST_F(JsonResult, OfAVerifyThatFailsHoldsTheErrorToo) {
    write_text(scratch("cut.zip"), "PK");
    const Json json = error_of(cedana({"client", "verify", scratch("cut.zip"), "--json"}));
    EXPECT_EQ(json.at("fault"), "checkpoint");
    EXPECT_EQ(json.at("checkpoints").at(0).at("flaw").at("message"), json.at("message"));
}

TEST_F(JsonResult, OfADumpThatIsInterruptedIsTheError) {
    plan("at mid-image stay");
    RunningCedana running({"client", "dump", "-p", target.pid_text(), "-d", store(), "--json"}, options, folder());
    wait_for_file(criu_file("at-mid-image"));
    running.signal(SIGINT);
    const Json json = error_of(running.wait());
    EXPECT_EQ(json.at("fault"), "interrupted");
    EXPECT_EQ(json.at("exit_code"), 130);
}

TEST_F(JsonResult, OfADumpStaysApartFromItsProgress) {
    const CedanaRun run = dump(target, {"--json", "--progress", "json", "--quiet"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    static_cast<void>(object_of(run));
    std::vector<std::string> lines = split(run.err, '\n');
    lines.pop_back();
    std::set<std::string> phases;
    for (const std::string& line : lines)
        phases.insert(Json::parse(line).at("phase").get<std::string>());
    EXPECT_TRUE(phases.contains("dumping")) << run.err;
    EXPECT_GE(phases.size(), 2U);
}

// --- what docs/reference.md names

// The lines of a table in the part of the page below this heading: the text of the first cell, and the code spans of
// the second.
using Rows = std::map<std::string, std::vector<std::string>>;

std::vector<std::string> code_spans(std::string_view text) {
    std::vector<std::string> spans;
    const std::vector<std::string> parts = split(text, '`');
    for (std::size_t i = 1; i < parts.size(); i += 2)
        spans.push_back(parts[i]);
    return spans;
}

Rows table_below(const std::string& heading) {
    Rows rows;
    const std::string page = read_file(fs::path(CEDANA_SOURCE_DIR) / "docs" / "reference.md");
    const std::size_t begin = page.find("\n" + heading + "\n");
    EXPECT_NE(begin, std::string::npos) << heading;
    for (const std::string& line : split(page.substr(begin + 1, page.find("\n#", begin + 2) - begin - 1), '\n')) {
        const std::vector<std::string> cells = split(line, '|');
        if (cells.size() < 4 || !trim(cells[1]).starts_with('`'))
            continue;
        rows[only(code_spans(cells[1]))] = code_spans(cells[2]);
    }
    return rows;
}

// "tree[]: pid, comm" is two fields; ERROR stands for those of an error.
Fields expanded(const std::vector<std::string>& spans) {
    Fields fields;
    for (const std::string& span : spans) {
        const std::size_t colon = span.find(": ");
        if (colon == std::string::npos) {
            fields.insert(span);
            continue;
        }
        for (const std::string& one : split(span.substr(colon + 2), ','))
            if (trim(one) == "ERROR")
                for (const std::string& field : k_error)
                    fields.insert(span.substr(0, colon) + "." + field);
            else
                fields.insert(span.substr(0, colon) + "." + std::string(trim(one)));
    }
    return fields;
}

// Names that follow from the machine or the settings are one field.
std::string name_of_field(const std::string& above, const std::string& key) {
    return above.ends_with("registers") || key.find('.') != std::string::npos ? "*" : key;
}

void collect(const Json& json, const std::string& path, Fields& fields) {
    const bool holds_objects =
        json.is_array() && std::ranges::any_of(json, [](const Json& one) { return one.is_object(); });
    if (json.is_object())
        for (const auto& [key, value] : json.items())
            collect(value, (path.empty() ? "" : path + ".") + name_of_field(path, key), fields);
    else if (holds_objects)
        for (const Json& one : json)
            collect(one, path + "[]", fields);
    else
        fields.insert(path);
}

// Of all objects; what is an empty list or null in one has its fields in another.
Fields fields_of(const std::vector<Json>& objects) {
    Fields all;
    for (Json object : objects) {
        if (object.contains("fault"))
            for (const std::string& field : k_error)
                object.erase(field);
        collect(object, "", all);
    }
    Fields fields;
    for (const std::string& one : all)
        if (std::ranges::none_of(all, [&](const std::string& other) {
                return other.starts_with(one + ".") || other.starts_with(one + "[]");
            }))
            fields.insert(one);
    return fields;
}

// Every row of the table has a test below; of run, checkpoint and stop in tests/system/job_test.cpp.
const Fields k_rows = {"--version",
                       "client dump",
                       "client dump --dry-run",
                       "client restore",
                       "client restore --dry-run",
                       "client migrate",
                       "client migrate --dry-run",
                       "client receive --status",
                       "client run",
                       "client ps",
                       "client checkpoint",
                       "client stop",
                       "client history",
                       "client verify",
                       "client list",
                       "client list --lazy",
                       "client inspect",
                       "client inspect ZIP LATER",
                       "client inspect --html",
                       "client prune",
                       "unit",
                       "unit --user",
                       "container setup",
                       "client rm",
                       "client sign",
                       "client export",
                       "client import",
                       "client find",
                       "check",
                       "check --clean",
                       "config show",
                       "config init",
                       "config path",
                       "config keygen",
                       "completion",
                       "--progress json"};

// An argument of CRIU with which nothing is tried.
constexpr const char* k_unknown = "--criu-arg=--external=x";

class JsonFields : public WithTarget {
  protected:
    static void expect_documented(const std::string& row, const std::vector<Json>& objects) {
        EXPECT_TRUE(k_rows.contains(row)) << row;
        const Rows rows = table_below("### Fields");
        const auto found = rows.find(row);
        ASSERT_NE(found, rows.end()) << "docs/reference.md has no row for " << row;
        EXPECT_EQ(fields_of(objects), expanded(found->second)) << row;
    }
    // With --json.
    [[nodiscard]] Json json(std::vector<std::string> arguments) const {
        arguments.emplace_back("--json");
        return object_of(cedana(std::move(arguments)));
    }
    [[nodiscard]] fs::path checkpoint_of_writer() const {
        Target writer({"/bin/sleep", "infinity"}, log());
        fs::path zip = only_line(dump(writer, {"--stop"}).out);
        writer.wait_end();
        return zip;
    }
    [[nodiscard]] fs::path log() const { return scratch("log"); }
    [[nodiscard]] fs::path damaged() const {
        write_text(scratch("cut.zip"), "PK");
        return scratch("cut.zip");
    }
};

TEST_F(JsonFields, OfTheProgram) {
    expect_documented("--version", {object_of(cedana({"--version", "--json"}))});
    expect_documented("config show", {json({"config", "show"})});
    expect_documented("config path", {json({"config", "path"})});
    fs::remove(config_file());
    expect_documented("config init", {json({"config", "init"})});
    expect_documented("config keygen", {json({"config", "keygen", scratch("key")})});
    expect_documented("completion", {json({"completion", "bash"})});
    expect_documented("check", {json({"check"})});
}

TEST_F(JsonFields, OfJobs) {
    const fs::path folder = scratch("jobs") / "train";
    job::make_job_folder(folder);
    job::write_record(folder, {.name = "train", .argv = {"a"}, .cwd = "/"});
    write_text(folder / "x.zip", "");
    job::write_state(folder, {.chain = {{.file = "x.zip"}}, .end = job::ProgramEnd{.code = 3}});
    job::append_history(folder, "starting", {{"epoch", 1}});
    const Json listed = json({"client", "ps", "-d", scratch("jobs")});
    expect_documented("client ps", {listed});
    for (const char* none : {"restored_from", "last_attempt", "last_failure", "next"})
        EXPECT_TRUE(listed.at("jobs").at(0).at(none).is_null()) << none;
    EXPECT_TRUE(listed.at("jobs").at(0).at("checkpoints").at(0).at("made_after").is_null());
    EXPECT_EQ(cedana({"client", "ps", "-d", scratch("none")}).exit_code, 9);
    expect_documented("client history", {json({"client", "history", "train", "-d", scratch("jobs")})});
}

TEST_F(JsonFields, OfADump) {
    const Json left_running = json({"client", "dump", "-p", target.pid_text(), "-d", store()});
    EXPECT_EQ(left_running.at("proof"), nullptr);
    const Target other({"/bin/sleep", "infinity"});
    const Json stopped =
        json({"client", "dump", "-p", other.pid_text(), "-d", store(), "--stop", "--prove", k_unknown});
    EXPECT_EQ(stopped.at("proof").at("state"), "not_provable");
    expect_documented("client dump", {left_running, stopped});
}

TEST_F(JsonFields, OfAMigration) {
    const auto migrate = [this](const Target& one, const std::string& behaviour, const std::vector<std::string>& more) {
        std::vector<std::string> arguments = {
            "client", "migrate", one.pid_text(),
            "beta",   "--ssh",   "python3 " CEDANA_SOURCE_DIR "/tests/support/scripted_target.py " + behaviour};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return json(arguments);
    };
    expect_documented("client migrate --dry-run", {migrate(target, "refuse", {"--dry-run", "-d", store()}),
                                                   migrate(target, "accept", {"--dry-run", "-d", scratch("nowhere")})});
    const Target other({"/bin/sleep", "infinity"});
    expect_documented("client migrate", {migrate(other, "accept", {"-d", store()})});
    expect_documented("client receive --status", {json({"client", "receive", "--status", std::string(32, 'a')})});
}

TEST_F(JsonFields, OfADryRunOfADump) {
    const Target writer({"/bin/sleep", "infinity"}, log());
    const std::vector<std::string> dry = {"client",          "dump", "--dry-run", "--criu-arg=-v4", "-p",
                                          writer.pid_text(), "-d"};
    std::vector<std::string> with_store = dry;
    with_store.push_back(store());
    std::vector<std::string> without_store = dry;
    without_store.push_back(scratch("none"));
    expect_documented("client dump --dry-run", {json(with_store), json(without_store)});
}

TEST_F(JsonFields, OfARestore) {
    const fs::path zip = checkpoint_of_writer();
    write_text(log(), "changed");
    const Json restored = json({"client", "restore", zip, "--lazy", "--wait"});
    const Orphan orphan(restored.at("pid").get<pid_t>());
    expect_documented("client restore", {restored});
}

TEST_F(JsonFields, OfADryRunOfARestore) {
    const fs::path zip = checkpoint_of_writer();
    write_text(log(), "changed");
    const fs::path of_one_that_runs = only_line(dump(target).out);
    expect_documented("client restore --dry-run", {json({"client", "restore", zip, "--lazy", "--dry-run"}),
                                                   json({"client", "restore", of_one_that_runs, "--dry-run"})});
}

TEST_F(JsonFields, OfWhatIsInAStore) {
    const fs::path zip = only_line(dump(target, {k_unknown}).out);
    expect_documented("client verify", {json({"client", "verify", "--prove", zip, damaged()})});
    fs::rename(damaged(), store() / "cut.zip");
    expect_documented("client list", {json({"client", "list", store()})});
    for (int age = 1; age <= 2; ++age)
        write_checkpoint(store() / ("old_" + std::to_string(age) + ".zip"),
                         plausible_manifest("old", 42, "2026-01-0" + std::to_string(age) + "T10:00:00Z"));
    const fs::path backup = fs::canonical(folder()) / "log.cedana-backup-20261122T164510Z";
    write_text(backup, "x");
    BackupRecord().add({backup});
    expect_documented("client prune",
                      {json({"client", "prune", store(), "--keep-last", "1", "--backups", "1h", "--dry-run"})});
    static_cast<void>(cedana({"config", "keygen", scratch("key")}));
    options.environment["CEDANA_SECURITY_SIGNING_KEY"] = scratch("key");
    expect_documented("client sign", {json({"client", "sign", zip})});
    expect_documented("client rm", {json({"client", "rm", store() / "old_1.zip"})});
}

TEST_F(JsonFields, OfALazyRestoreThatIsOnItsWay) {
    const WorkFolder work(WorkKind::lazy, state_folder());
    write_transfer(work.path(), {.pid = target.pid(), .name = "sleep", .checkpoint = "/a.zip"});
    expect_documented("client list --lazy", {json({"client", "list", "--lazy"})});
}

TEST_F(JsonFields, OfAnInspection) {
    Manifest manifest = plausible_manifest("redis", 42, "2026-11-22T10:00:00Z");
    manifest.tree.front().memory = ProcessMemory{.anonymous = 1, .file_backed = 2, .shared = 3, .swapped = 4};
    manifest.files = {{.path = "/var/log/redis.log", .size = 1000, .uses = {{.pid = 42, .fd = 3, .flags = 1}}}};
    manifest.connections = {
        {.local_address = "10.0.0.1", .local_port = 6379, .remote_address = "10.0.0.2", .remote_port = 4242}};
    manifest.criu_options.file_locks = true;
    manifest.required_features = {std::string(k_in_container)};
    manifest.container = ContainerRecord{.engine = "podman",
                                         .runtime = "runc",
                                         .id = "4e87063a369a",
                                         .name = "web",
                                         .mounts = {{.destination = "/data", .source = "/srv/data"}},
                                         .networks = {{.name = "podman"}}};
    manifest.facts = RecordedFacts{
        .processes = {{.pid = 42, .descriptors = {{.fd = 3, .kind = OpenKind::file, .target = "/var/log/redis.log"}}}},
        .sockets = {{.inode = 17, .kind = "tcp", .state = "connected", .local = "10.0.0.1:6379"}}};
    write_checkpoint(scratch("redis.zip"), manifest);
    write_checkpoint(scratch("later.zip"), plausible_manifest("redis", 42, "2026-11-22T11:00:00Z"));
    Manifest other = plausible_manifest("redis", 42, "2026-11-22T11:00:00Z");
    other.facts = RecordedFacts{.processes = {{.pid = 42}}};
    write_checkpoint(scratch("other.zip"), other);

    // The images of this one hold no maps.
    const Inspection mapped{.path = "/a.zip",
                            .manifest = manifest,
                            .images = {},
                            .maps = {{.pid = 42,
                                      .comm = "redis",
                                      .ranges = {{.mapping = {.start = 1, .end = 2}, .name = "[heap]"}},
                                      .threads = {{.tid = 42, .state = {.comm = "redis", .registers = {{"ip", 7}}}}}}}};
    expect_documented("client inspect", {json({"client", "inspect", scratch("redis.zip")}),
                                         Json::parse(to_json(mapped, {Section::maps}).dump())});
    expect_documented("client inspect ZIP LATER",
                      {json({"client", "inspect", scratch("redis.zip"), scratch("other.zip")})});
    expect_documented("client inspect --html",
                      {json({"client", "inspect", scratch("redis.zip"), "--html", scratch("page.html")})});
}

TEST_F(JsonFields, OfASearch) {
    const Target found(sleeper_at(folder() / "ominous-otter"));
    expect_documented("client find",
                      {json({"client", "find", "ominous-otter"}), json({"client", "find", "no-such-otter"})});
}

TEST_F(JsonFields, OfAnArchiveOfPodmans) {
    make_checkpoint(scratch("web.zip"), parts_of_podmans_container());
    expect_documented("client export", {json({"client", "export", scratch("web.zip"), scratch("web.tar")})});
    containers::write_small_tar(scratch("podmans.tar"), podmans_archive());
    expect_documented("client import", {json({"client", "import", scratch("podmans.tar"), "-d", folder().string()})});
}

TEST_F(JsonFields, OfAnEngineThatIsSetUp) {
    expect_documented("container setup",
                      {json({"container", "setup", "docker", "--file", scratch("daemon.json"), "--dry-run"})});
}

TEST_F(JsonFields, OfACleanUp) {
    const UniqueFd written = create_partial(store() / partial_name("a_20261122T164510Z"));
    write_text(store() / partial_name("b_20261122T164510Z"), "half");
    expect_documented("check --clean", {json({"check", "--clean", "-d", store()})});
}

TEST_F(JsonFields, OfProgress) {
    const CedanaRun run = dump(target, {"--progress", "json", "--quiet"});
    std::vector<Json> lines;
    for (const std::string& line : split(run.err, '\n'))
        if (!line.empty())
            lines.push_back(Json::parse(line));
    EXPECT_GE(lines.size(), 2U);
    expect_documented("--progress json", lines);
}

TEST_F(JsonFields, OfEveryCommandAreDocumentedAndTested) {
    Fields documented;
    for (const auto& [row, spans] : table_below("### Fields"))
        documented.insert(row);
    EXPECT_EQ(documented, k_rows);
    const std::string help = cedana({"--help"}).out;
    const std::string commands = help.substr(help.find("\ncommands\n") + 10);
    for (const std::string& line : split(commands.substr(0, commands.find("\n\n")), '\n')) {
        const std::string_view words = trim(line);
        const std::string command(words.substr(0, words.find("  ")));
        EXPECT_TRUE(documented.contains(command)) << command;
    }
}

TEST_F(JsonFields, HaveOneWordForOneThing) {
    Fields used;
    std::vector<std::string> all(k_error.begin(), k_error.end());
    for (const auto& [row, spans] : table_below("### Fields"))
        for (const std::string& field : expanded(spans))
            all.push_back(field);
    for (const std::string& field : all)
        for (const std::string& word : split(field, '.'))
            if (word != "*")
                used.insert(word.ends_with("[]") ? word.substr(0, word.size() - 2) : word);
    Fields explained;
    for (const auto& [word, ignored] : table_below("### Words"))
        explained.insert(word);
    EXPECT_EQ(used, explained);
}

} // namespace
} // namespace cedana::testing
