// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/zip_reader.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include "command/command_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

using Dump = WithTarget;

class Umask {
  public:
    explicit Umask(mode_t mask) : before_(::umask(mask)) {}
    Umask(const Umask&) = delete;
    Umask& operator=(const Umask&) = delete;
    ~Umask() { ::umask(before_); }

  private:
    mode_t before_;
};

mode_t mode_of(const fs::path& path) {
    struct ::stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
}

TEST_F(Dump, PrintsThePathOfTheCheckpointAndNothingElse) {
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_TRUE(matches(run.out, store().string() + "/sleep_[0-9]{8}T[0-9]{6}Z\\.zip\n"));
    EXPECT_TRUE(holds(run.err, "x) in "));
    EXPECT_TRUE(fs::is_regular_file(only_line(run.out)));
}

TEST_F(Dump, TellsOfItselfInTheFolderForMetrics) {
    const fs::path folder = scratch("metrics");
    fs::create_directory(folder);
    options.environment["CEDANA_METRICS_TEXTFILE_DIR"] = folder;
    EXPECT_EQ(dump(target, {"--label", "a b"}).exit_code, 0);
    EXPECT_EQ(names_in(folder), (std::vector<std::string>{"cedana-dump-a_b-attempt.prom", "cedana-dump-a_b.prom"}));
    EXPECT_EQ(mode_of(folder / "cedana-dump-a_b.prom"), 0644U);
    EXPECT_TRUE(holds(read_file(folder / "cedana-dump-a_b.prom"), "last_success_timestamp_seconds{dump=\"a b\"} 1"));

    options.environment["CEDANA_CRIU_PATH"] = "/nowhere/criu";
    EXPECT_NE(dump(target).exit_code, 0);
    EXPECT_EQ(names_in(folder).size(), 3U);
    EXPECT_TRUE(fs::exists(folder / "cedana-dump-sleep-attempt.prom"));

    fs::permissions(folder, fs::perms::all);
    EXPECT_TRUE(holds(dump(target, {"--label", "x"}).err, "metrics.textfile_dir"));
    EXPECT_EQ(names_in(folder).size(), 3U);
}

// Ignored, the kernel would reap them (sigaction(2), SA_NOCLDWAIT).
TEST_F(Dump, WorksForAProgramThatIgnoresTheEndsOfItsChildren) {
    options.executable = "/usr/bin/env";
    const CedanaRun run = run_cedana(
        {"--ignore-signal=CHLD", cedana_executable(), "client", "dump", "-p", target.pid_text(), "-d", store()},
        options);
    EXPECT_EQ(run.exit_code, 0) << run.err;
}

// Nothing of a file system's 255 bytes is left for a time and an ending.
TEST_F(Dump, NamesTheCheckpointOfAProgramOfTheLongestName) {
    const Target named(sleeper_at(scratch(std::string(255, 'n'))));
    const CedanaRun run = dump(named);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(fs::is_regular_file(only_line(run.out)));
}

TEST_F(Dump, LeavesTheCheckpointAloneInTheFolder) {
    const CedanaRun run = dump(target);
    EXPECT_EQ(only(names_in(store())), fs::path(only_line(run.out)).filename().string());
}

TEST_F(Dump, HoldsTheManifestTheIndexTheLogAndTheImages) {
    const CedanaRun run = dump(target);
    std::set<std::string> names;
    const ZipReader zip(only_line(run.out));
    for (const EntryInfo& entry : zip.entries())
        names.insert(entry.name);
    EXPECT_EQ(names, (std::set<std::string>{"checkpoint_state.json", "index", "sums", "criu/dump.log",
                                            "images/inventory.img", "images/pages-1.img"}));
}

TEST_F(Dump, HoldsTheSameWhereCriuStreamsItsImages) {
    stream_images();
    const CedanaRun run = dump(target);
    std::set<std::string> names;
    const ZipReader zip(only_line(run.out));
    for (const EntryInfo& entry : zip.entries())
        names.insert(entry.name);
    EXPECT_EQ(names, (std::set<std::string>{"checkpoint_state.json", "index", "sums", "criu/dump.log",
                                            "images/inventory.img", "images/pages-1.img"}));
}

TEST_F(Dump, LeavesTheTargetRunningByDefault) {
    EXPECT_EQ(dump(target).exit_code, 0);
    EXPECT_TRUE(target.runs());
    EXPECT_TRUE(holds(only(criu_runs("dump")), "--leave-running"));
}

TEST_F(Dump, EndsTheTargetWhenToldToStopIt) {
    EXPECT_EQ(dump(target, {"--stop"}).exit_code, 0);
    EXPECT_EQ(target.wait_end().signal(), SIGKILL);
    EXPECT_FALSE(holds(only(criu_runs("dump")), "--leave-running"));
}

TEST_F(Dump, EndsTheTargetWhenTheConfigSaysSo) {
    write_text(config_file(), R"({"client": {"leave_running": false}})");
    EXPECT_EQ(dump(target).exit_code, 0);
    EXPECT_EQ(target.wait_end().signal(), SIGKILL);
}

TEST_F(Dump, LetsTheFlagOverrideTheConfig) {
    write_text(config_file(), R"({"client": {"leave_running": false}})");
    EXPECT_EQ(dump(target, {"--leave-running"}).exit_code, 0);
    EXPECT_TRUE(target.runs());
}

TEST_F(Dump, GivesOneJsonObjectOnRequest) {
    const CedanaRun run = dump(target, {"--json"});
    EXPECT_EQ(run.exit_code, 0);
    const Json json = Json::parse(only_line(run.out));
    EXPECT_TRUE(fs::is_regular_file(json.at("checkpoint").get<std::string>()));
    EXPECT_EQ(json.at("pid"), target.pid());
    EXPECT_GT(json.at("seconds"), 0.0);
    EXPECT_EQ(json.at("frozen_seconds"), 0.25);
    EXPECT_EQ(json.at("bytes_images"), k_images_bytes);
    EXPECT_EQ(json.at("bytes_archive"), fs::file_size(json.at("checkpoint").get<std::string>()));
    EXPECT_GT(json.at("peak_memory_bytes"), 0);
    EXPECT_GE(json.at("timings").size(), 1U);
    EXPECT_TRUE(std::ranges::all_of(json.at("timings"), [](const Json& one) { return one.at("seconds").is_number(); }));
}

TEST_F(Dump, MakesAPrivateFileWhateverTheUmaskAllows) {
    const Umask umask(0);
    EXPECT_EQ(mode_of(only_line(dump(target).out)), 0600U);
}

TEST_F(Dump, MakesAReadableFileWhateverTheUmaskTakesAway) {
    const Umask umask(0777);
    EXPECT_EQ(mode_of(only_line(dump(target).out)), 0600U);
}

TEST_F(Dump, ReplacesCharactersThatDoNotBelongIntoAFileName) {
    const Target odd(sleeper_at(scratch("we ird+näme")));
    EXPECT_TRUE(holds(dump(odd).out, "/we_ird_n__me_"));
}

TEST_F(Dump, TakesAnotherNameWhenTheNameIsTakenAndOverwritesNothing) {
    // Whatever second it is when the checkpoint gets its name.
    const auto now = std::chrono::system_clock::now();
    for (int second = 0; second < 60; ++second)
        write_text(store() / ("sleep_" + utc_compact(now + std::chrono::seconds(second)) + ".zip"), "taken");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_TRUE(matches(only_line(run.out), ".*/sleep_[0-9]{8}T[0-9]{6}Z_2\\.zip"));
    EXPECT_EQ(names_in(store()).size(), 61U);
    EXPECT_EQ(read_file(store() / ("sleep_" + utc_compact(now) + ".zip")), "taken");
}

TEST_F(Dump, FindsTheProcessByItsName) {
    const Target otter(sleeper_at(scratch("lonely-otter")));
    const CedanaRun run = cedana({"client", "dump", "-n", "lonely-otter", "-d", store()});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(only(criu_runs("dump")), "--tree " + otter.pid_text() + " "));
}

TEST_F(Dump, FindsTheProcessByTheNameInTheConfig) {
    write_text(config_file(), R"({"client": {"process_name": "solitary-heron"}})");
    const Target heron(sleeper_at(scratch("solitary-heron")));
    const CedanaRun run = cedana({"client", "dump", "-d", store()});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(only(criu_runs("dump")), "--tree " + heron.pid_text() + " "));
}

// Each that ends the process or sends it a signal.
TEST_F(Dump, EndsAndSignalsNothingThatIsOnlySimilar) {
    const Target one(sleeper_at(scratch("quarrelsome-quokka1")));
    for (const std::vector<std::string>& more :
         {std::vector<std::string>{"-n", "quarrelsome-quokka2", "--stop"}, {"--name=quarrelsome-quokka2", "--stop"}}) {
        std::vector<std::string> words = {"client", "dump", "-d", store()};
        words.insert(words.end(), more.begin(), more.end());
        const CedanaRun run = cedana(words);
        EXPECT_EQ(run.exit_code, 3) << run.err;
        EXPECT_TRUE(holds(run.err, "no process is called 'quarrelsome-quokka2'"));
        EXPECT_TRUE(matches(run.err, "[^]* PID +FIT +MATCHED +COMMAND\n +" + one.pid_text() + " +0\\.[0-9]+ [^]*"));
        EXPECT_TRUE(matches(field_of(run.err, "hint"),
                            "if the first is meant: cedana client dump -d .* -p " + one.pid_text() + " --stop"));
    }
    write_text(config_file(), R"({"client": {"process_name": "quarrelsome-quokka2", "leave_running": false}})");
    EXPECT_EQ(cedana({"client", "dump", "-d", store()}).exit_code, 3);
    EXPECT_EQ(cedana({"client", "dump", "-d", store(), "--dry-run"}).exit_code, 3);
    write_text(config_file(), R"({"client": {"signal_process_pre_dump": true}})");
    EXPECT_EQ(cedana({"client", "dump", "-n", "quarrelsome-quokka2", "-d", store()}).exit_code, 3);
    EXPECT_TRUE(criu_runs("dump").empty());
    EXPECT_TRUE(one.runs());
    EXPECT_TRUE(names_in(store()).empty());
}

TEST_F(Dump, SaysThatAPipeLeadsOutOfTheTree) {
    const Pipe pipe = make_pipe();
    ChildProcess child = ChildProcess::spawn(
        {.argv = {"/bin/sleep", "infinity"}, .fds = {{pipe.write_end.get(), 1}}, .cwd = "/", .session = Session::own});
    const std::string pid = std::to_string(child.pid());
    const std::string sentence =
        "the pipe that process " + pid +
        " (sleep) writes to (descriptor 1) leads out of the tree: a restore leads it to its own "
        "standard output, if that suits";
    const CedanaRun plan = cedana({"dump", pid, "-d", store(), "--dry-run"});
    EXPECT_TRUE(holds(plan.out, sentence)) << plan.out;
    const CedanaRun run = cedana({"dump", pid, "-d", store()});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err, "warning: " + sentence)) << run.err;
    EXPECT_FALSE(holds(cedana({"dump", pid, "-d", store(), "--quiet"}).err, "pipe"));
}

TEST_F(Dump, AsksOnATerminalBeforeItEndsWhatANameMeans) {
    Target one(sleeper_at(scratch("hesitant-heron")));
    const std::string line = "dump hesitant-heron --stop -d " + store().string();
    const CedanaRun refused = cedana_on_terminal(line, "\\n");
    EXPECT_EQ(refused.exit_code, 2) << refused.out;
    EXPECT_TRUE(holds(refused.out, "end hesitant-heron (pid " + one.pid_text() + ": ")) << refused.out;
    EXPECT_TRUE(criu_runs("dump").empty());
    EXPECT_TRUE(one.runs());
    EXPECT_EQ(cedana_on_terminal(line + " --yes", "\\n").exit_code, 0);
    EXPECT_EQ(one.wait_end().signal(), SIGKILL);
}

TEST_F(Dump, TakesANumberForAPidAndAnythingElseForAName) {
    const Target otter(sleeper_at(scratch("succinct-otter")));
    EXPECT_EQ(cedana({"dump", "succinct-otter", "-d", store()}).exit_code, 0);
    EXPECT_TRUE(holds(criu_runs("dump").back(), "--tree " + otter.pid_text() + " "));
    EXPECT_EQ(cedana({"dump", target.pid_text(), "-d", store()}).exit_code, 0);
    EXPECT_TRUE(holds(criu_runs("dump").back(), "--tree " + target.pid_text() + " "));
}

TEST_F(Dump, WritesALabelAndANoteByWhichItIsFoundAndShown) {
    const CedanaRun run = dump(target, {"--label", "before the upgrade", "--note", "with the old key"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(cedana({"list", store()}).out, " before the upgrade "));
    const Json json = Json::parse(only_line(cedana({"inspect", "before the upgrade", "-d", store(), "--json"}).out));
    EXPECT_EQ(json.at("note"), "with the old key");
    EXPECT_EQ(dump(target, {"--label", "a\x1b[31m"}).exit_code, 2);
    EXPECT_EQ(dump(target, {"--label", std::string(101, 'x')}).exit_code, 2);
}

TEST_F(Dump, NamesTheCheckpointOfAScriptAfterTheScript) {
    write_text(scratch("train.py"), "import time\ntime.sleep(1000)\n");
    Target script({"/usr/bin/python3", "-u", scratch("train.py")});
    const fs::path zip = only_line(dump(script, {"--stop"}).out);
    EXPECT_TRUE(zip.filename().string().starts_with("train.py_")) << zip;
    const CedanaRun listed = cedana({"list", store()});
    EXPECT_TRUE(matches(listed.out, "[^]* train\\.py +" + script.pid_text() + " [^]*")) << listed.out;
    EXPECT_TRUE(holds(listed.out, "/usr/bin/python3 -u "));
    script.wait_end();
    const CedanaRun restored = cedana({"restore", "train", "-d", store()});
    ASSERT_EQ(restored.exit_code, 0) << restored.err;
    const Orphan orphan(std::stoi(restored.out));
}

TEST_F(Dump, SaysWhatItTakesForANameThatIsOnlySimilar) {
    const Target one(sleeper_at(scratch("dilatory-dingo1")));
    const CedanaRun run = cedana({"client", "dump", "-n", "dilatory-dingo2", "-d", store()});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(run.err.starts_with("taking dilatory-dingo1 (pid " + one.pid_text() + ")\n")) << run.err;
    EXPECT_TRUE(one.runs());
    EXPECT_FALSE(holds(cedana({"client", "dump", "-n", "dilatory-dingo1", "-d", store()}).err, "taking"));
}

// The settings that people have from the first published example.
TEST_F(Dump, EndsTheNotebookThatTheSettingsName) {
    write_text(scratch("jupyter-notebook"), "import time\ntime.sleep(1000)\n");
    Target notebook({"/usr/bin/python3", scratch("jupyter-notebook")});
    write_text(config_file(), R"({"client": {"process_name": "jupyter notebook", "leave_running": false}})");
    const CedanaRun run = cedana({"client", "dump", "-d", store()});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(notebook.wait_end().signal(), SIGKILL);
}

TEST_F(Dump, GivesTheCandidatesAsJsonWhenTheNameIsNotClear) {
    const Target one(sleeper_at(scratch("jaunty-jackal1")));
    const CedanaRun run = cedana({"client", "dump", "-n", "jaunty-jackal2", "-d", store(), "--stop", "--json"});
    EXPECT_EQ(run.exit_code, 3);
    const Json json = Json::parse(only_line(run.out));
    EXPECT_EQ(json.at("fault"), "no_process");
    EXPECT_EQ(json.at("winner"), nullptr);
    EXPECT_EQ(json.at("candidates").at(0).at("pid"), one.pid());
    EXPECT_EQ(json.at("candidates").at(0).at("exact"), false);
}

TEST_F(Dump, GoesToTheFolderOfTheConfigWhenNoneIsGiven) {
    write_text(config_file(), R"({"shared_storage": {"dump_storage_dir": ")" + store().string() + R"("}})");
    const CedanaRun run = cedana({"client", "dump", "-p", target.pid_text()});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.out, store().string() + "/sleep_"));
}

TEST_F(Dump, PrintsAnAbsolutePathForARelativeFolder) {
    options.cwd = folder();
    const CedanaRun run = cedana({"client", "dump", "-p", target.pid_text(), "-d", "store"});
    EXPECT_TRUE(holds(run.out, store().string() + "/sleep_"));
}

TEST_F(Dump, PassesItsOwnArgumentsOnToCriu) {
    options.environment["CEDANA_CRIU_EXTRA_ARGS"] = "--timeout 60";
    EXPECT_EQ(dump(target, {"--criu-arg=--tcp-close"}).exit_code, 0);
    EXPECT_TRUE(holds(only(criu_runs("dump")), "--timeout 60 --tcp-close"));
}

TEST_F(Dump, LeavesNoWorkingFolderBehind) {
    EXPECT_EQ(dump(target).exit_code, 0);
    const std::string line = criu_runs("dump").front();
    const std::string work = line.substr(line.find("/run/cedana/"));
    EXPECT_FALSE(fs::exists(work.substr(0, work.find(' '))));
}

} // namespace
} // namespace cedana::testing
