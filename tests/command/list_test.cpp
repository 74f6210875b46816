// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"

#include <csignal>

#include <nlohmann/json.hpp>

#include <fcntl.h>

#include "command/command_fixture.hpp"
#include "support/synthetic_checkpoint.hpp"

namespace cedana::testing {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

class List : public AnyUser {
  protected:
    List() { fs::create_directories(store()); }
    [[nodiscard]] fs::path store() const { return folder() / "store"; }
    void add(const std::string& file, const std::string& name, pid_t pid = 999'999) const {
        write_checkpoint(store() / file, plausible_manifest(name, pid, "2026-11-22T10:00:00Z"));
    }
    [[nodiscard]] CedanaRun list(const std::vector<std::string>& more = {}) const {
        std::vector<std::string> arguments = {"client", "list", store()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return cedana(arguments);
    }
};

TEST_F(List, ShowsWhatIsThereAndWhatIsDamaged) {
    add("redis-server_20261122T100000Z.zip", "redis-server");
    write_text(store() / "cut_20261122T100000Z.zip", "PK");
    const CedanaRun run = list();
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(
        matches(run.out, "[^]*redis-server_20261122T100000Z.zip +redis-server +999999 +2026-11-22T10:00:00Z[^]*"));
    EXPECT_TRUE(matches(run.out, "[^]*cut_20261122T100000Z.zip .*damaged: [^]*"));
}

TEST_F(List, CountsFilesThatAreNoneOfCedanas) {
    add("a.zip", "redis-server");
    write_text(store() / "notes.txt", "x");
    EXPECT_TRUE(holds(list().err, "1 other file is no checkpoint\n"));
    write_text(store() / "more.txt", "x");
    const CedanaRun run = list();
    EXPECT_TRUE(holds(run.err, "2 other files are no checkpoints\n"));
    EXPECT_FALSE(holds(run.out, ".txt")) << run.out;
    EXPECT_EQ(Json::parse(only_line(list({"--json"}).out)).at("entries").size(), 3U);
    fs::remove(store() / "a.zip");
    EXPECT_EQ(list().out, "");
}

TEST_F(List, GivesOneJsonObjectOnRequest) {
    add("a.zip", "redis-server");
    const Json json = Json::parse(only_line(list({"--json"}).out));
    EXPECT_EQ(json.at("store"), store().string());
    const Json& entry = json.at("entries").at(0);
    EXPECT_EQ(entry.at("kind"), "checkpoint");
    EXPECT_EQ(entry.at("name"), "redis-server");
    EXPECT_EQ(entry.at("pid"), 999'999);
    EXPECT_EQ(entry.at("now"), "elsewhere");
}

TEST_F(List, GivesPathsAloneOfCheckpointsAlone) {
    add("a.zip", "redis-server");
    write_text(store() / "b.zip", "not one");
    EXPECT_EQ(only_line(list({"-q"}).out), (store() / "a.zip").string());
}

TEST_F(List, EndsWithoutAWordWhenNobodyReadsIt) {
    add("a.zip", "redis-server");
    Pipe nobody = make_pipe();
    nobody.read_end.reset();
    const UniqueFd err = open_file(folder() / "err", O_WRONLY | O_CREAT, 0600);
    auto child = ChildProcess::spawn({.argv = {cedana_executable(), "client", "list", "-q", store()},
                                      .fds = {{nobody.write_end.get(), 1}, {err.get(), 2}},
                                      .env = std::vector<std::string>{"HOME=" + home().string()}});
    EXPECT_EQ(child.wait_for(k_wait_limit).value().code(), 128 + SIGPIPE);
    EXPECT_EQ(read_file(folder() / "err"), "");
}

TEST_F(List, FiltersByNameAndAge) {
    add("a.zip", "redis-server");
    add("b.zip", "nginx");
    EXPECT_EQ(only_line(list({"-q", "--name", "ngin"}).out), (store() / "b.zip").string());
    EXPECT_EQ(list({"-q", "--newer", "1s"}).out, "");
    EXPECT_EQ(list({"-q", "--older", "1s", "--name", "x*"}).out, "");
}

TEST_F(List, TakesTheMountPointWhenNoFolderIsNamed) {
    add("a.zip", "redis-server");
    options.environment["CEDANA_SHARED_STORAGE_MOUNT_POINT"] = store();
    EXPECT_EQ(only_line(cedana({"client", "list", "-q"}).out), (store() / "a.zip").string());
}

TEST_F(List, TakesTheFolderAsAnOptionToo) {
    add("a.zip", "redis-server");
    EXPECT_EQ(only_line(cedana({"list", "-q", "-d", store()}).out), (store() / "a.zip").string());
    EXPECT_EQ(cedana({"list", store(), "-d", store()}).exit_code, 2);
}

TEST_F(List, SaysThatAFullStoreHasNothingOfWhatWasAskedFor) {
    add("a.zip", "redis-server");
    EXPECT_TRUE(
        holds(list({"--name", "nginx"}).err, "the one file in " + store().string() + " is not what was asked for"));
    add("b.zip", "redis-server");
    EXPECT_TRUE(holds(list({"--newer", "1s"}).err, "none of the 2 files in " + store().string()));
}

TEST_F(List, RefusesWhatIsOfNoUseWithLazy) {
    EXPECT_EQ(list({"--lazy"}).exit_code, 2);
    EXPECT_EQ(cedana({"list", "--lazy", "--name", "x"}).exit_code, 2);
    EXPECT_EQ(cedana({"list", "--lazy", "-q"}).exit_code, 2);
}

TEST_F(List, SaysWhenThereIsNothing) {
    const CedanaRun run = list();
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "no checkpoints in " + store().string()));
}

TEST_F(List, EscapesNamesThatWouldSteerTheTerminal) {
    write_text(store() / "evil\x1b[31m.zip", "");
    EXPECT_TRUE(holds(list().out, "evil\\x1b[31m.zip"));
    EXPECT_FALSE(holds(list().out, "\x1b"));
}

TEST_F(List, HasTheProcessOfACheckpointInSight) {
    const Target target({"/bin/sleep", "infinity"});
    Manifest manifest = plausible_manifest("sleep", target.pid(), "2026-11-22T10:00:00Z");
    manifest.host.name = read_file("/proc/sys/kernel/hostname");
    manifest.host.name.pop_back();
    manifest.tree.front().executable = fs::canonical("/bin/sleep");
    write_checkpoint(store() / "a.zip", manifest);
    EXPECT_EQ(Json::parse(list({"--json"}).out).at("entries").at(0).at("now"), "restored");
}

TEST_F(List, RefusesAnAgeWithoutAUnit) {
    const CedanaRun run = list({"--newer", "3"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "--newer 3 is no age"));
}

TEST_F(List, IsExit9WhenTheStoreIsMissing) { EXPECT_EQ(cedana({"client", "list", folder() / "absent"}).exit_code, 9); }

} // namespace
} // namespace cedana::testing
