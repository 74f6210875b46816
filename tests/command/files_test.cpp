// SPDX-License-Identifier: Apache-2.0
// Files that a dumped process had open for writing: captured, compared and put back.
#include "cedana/archive/zip_reader.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/model/manifest.hpp"

#include <csignal>
#include <map>
#include <thread>

#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include "command/command_fixture.hpp"
#include "support/wait.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct ::stat stat_of(const fs::path& path) {
    struct ::stat info {};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info;
}

// A process that appends to a log, and its checkpoint.
class CapturedFiles : public WithFakeCriu {
  protected:
    CapturedFiles() { write_text(log, k_of_then); }

    // The process has ended afterwards.
    fs::path checkpoint_with_log() {
        Target target({"/bin/sleep", "infinity"}, log);
        const CedanaRun run = dump(target, {"--stop"});
        EXPECT_EQ(run.exit_code, 0) << run.err;
        dump_said = run.err;
        target.wait_end();
        return only_line(run.out);
    }
    void limit_captures() { options.environment["CEDANA_FILES_CAPTURE_LIMIT_MIB"] = "0"; }
    void append(const std::string& text) const { write_text(log, read_file(log) + text); }
    [[nodiscard]] std::vector<std::string> backups() const {
        std::vector<std::string> found;
        for (const std::string& name : names_in(log.parent_path()))
            if (name.starts_with("log.cedana-backup-"))
                found.push_back(name);
        return found;
    }
    [[nodiscard]] fs::path backup() const { return log.parent_path() / only(backups()); }

    void expect_refused(const CedanaRun& run, const std::string& said, int exit_code = 7) const {
        EXPECT_EQ(run.exit_code, exit_code);
        EXPECT_EQ(run.out, "");
        EXPECT_TRUE(holds(run.err, said));
        EXPECT_TRUE(criu_runs("restore").empty());
        EXPECT_EQ(backups(), std::vector<std::string>());
    }
    void expect_restored(const CedanaRun& run) const {
        ASSERT_EQ(run.exit_code, 0) << run.err;
        const Orphan restored(std::stoi(run.out));
        EXPECT_EQ(read_file(log), k_of_then);
    }
    // As it was before the restore, with nothing beside it.
    void expect_undone(const std::string& content) const {
        EXPECT_EQ(read_file(log), content);
        EXPECT_EQ(names_in(log.parent_path()), std::vector<std::string>{"log"});
    }

    const std::string k_of_then = "one\ntwo\n";
    const fs::path log = fs::canonical(folder()) / "var" / "log";
    std::string dump_said;
};

TEST_F(CapturedFiles, AreEntriesAndAreDescribedInTheManifest) {
    ::chmod(log.c_str(), 0640);
    const ZipReader zip(checkpoint_with_log());
    EXPECT_EQ(zip.read("files/0", 100), k_of_then);
    const Manifest manifest = parse_manifest(zip.read(k_manifest_entry, 1 << 20));
    ASSERT_EQ(manifest.files.size(), 1U);
    const CapturedFile& file = manifest.files[0];
    EXPECT_EQ(file.path, log);
    EXPECT_EQ(file.entry, "0");
    EXPECT_EQ(file.size, k_of_then.size());
    EXPECT_EQ(file.mode, 0640U);
    EXPECT_EQ(file.uses.size(), 2U);
    EXPECT_TRUE(file.uses.at(0).appends());
    EXPECT_FALSE(holds(dump_said, "warning"));
}

TEST_F(CapturedFiles, AreNotTakenWhenTheConfigSaysSo) {
    options.environment["CEDANA_FILES_CAPTURE"] = "none";
    const ZipReader zip(checkpoint_with_log());
    EXPECT_EQ(zip.find("files/0"), nullptr);
    EXPECT_TRUE(parse_manifest(zip.read(k_manifest_entry, 1 << 20)).files.empty());
}

// Of each a flush of its own would take a wait for the disk, and one more for its folder.
TEST_F(CapturedFiles, AreFlushedTogetherWhereTheyAreMany) {
    const fs::path app = fs::canonical(folder()) / "app";
    fs::create_directory(app);
    const std::string all_open = "for n in {1..120}; do echo then >" + (app / "$n").string() + "; exec {fd}>>" +
                                 (app / "$n").string() + "; done; touch " + scratch("open").string() +
                                 "; exec sleep infinity";
    Target target({"/bin/bash", "-c", all_open});
    wait_for_file(scratch("open"));
    const CedanaRun dumped = dump(target, {"--stop"});
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    target.wait_end();
    fs::remove_all(app);
    fs::create_directory(app);
    write_text(app / "7", "now");
    options.environment["LD_PRELOAD"] = FAILING_CALLS;
    options.environment["FAILING_UNDER"] = app;
    options.environment["FAILING_TOLD"] = scratch("told");
    const CedanaRun run = restore(only_line(dumped.out));
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
    EXPECT_EQ(read_file(app / "7"), "then\n");
    EXPECT_EQ(names_in(app).size(), 121U);
    const std::string told = read_file(scratch("told"));
    std::map<std::string, int> calls;
    for (const std::string& line : split(told, '\n'))
        if (const std::vector<std::string> words = split(line, ' '); words.size() > 1)
            ++calls[words[1]];
    EXPECT_EQ(calls["linkat"], 121) << told;
    EXPECT_LE(calls["fsync"] + calls["syncfs"], 3) << told;
}

TEST_F(CapturedFiles, AreWholeWithEachCompression) {
    const std::string content = std::string(3'000'000, 'x') + "end\n";
    for (const char* compression : {"zstd", "deflate", "none"}) {
        write_text(log, content);
        options.environment["CEDANA_ARCHIVE_COMPRESSION"] = compression;
        const fs::path zip = checkpoint_with_log();
        write_text(log, "other");
        const CedanaRun run = restore(zip);
        ASSERT_EQ(run.exit_code, 0) << run.err;
        const Orphan restored(std::stoi(run.out));
        EXPECT_TRUE(read_file(log) == content) << compression;
    }
}

TEST_F(CapturedFiles, ThatGrewArePutBackAndWhatWasThereIsKept) {
    const fs::path zip = checkpoint_with_log();
    append("three\n");
    const CedanaRun run = restore(zip);
    expect_restored(run);
    EXPECT_EQ(read_file(backup()), k_of_then + "three\n");
    EXPECT_EQ(run.err, "warning: " + log.string() + " was put back as it was at the checkpoint; what was there is in " +
                           backup().string() + "\n");
}

TEST_F(CapturedFiles, HaveBackupsThatAreRemovedOnceTheyAreOld) {
    const fs::path zip = checkpoint_with_log();
    append("three\n");
    expect_restored(restore(zip));
    const std::string kept = backup().string();
    EXPECT_EQ(cedana({"client", "prune", "--backups", "1h"}).exit_code, 0);
    const CedanaRun dry = cedana({"client", "prune", "--backups", "0s", "--dry-run"});
    EXPECT_EQ(dry.exit_code, 0) << dry.err;
    EXPECT_TRUE(holds(dry.out, "would be removed"));
    EXPECT_EQ(backup().string(), kept);
    const Json json = Json::parse(only_line(cedana({"client", "prune", "--backups", "0s", "--json"}).out));
    ASSERT_EQ(json.at("backups").size(), 1U);
    EXPECT_EQ(json.at("backups")[0].at("backup"), kept);
    EXPECT_EQ(json.at("backups")[0].at("removed"), true);
    EXPECT_EQ(backups(), std::vector<std::string>());
    EXPECT_TRUE(holds(cedana({"client", "prune", "--backups", "0s"}).err, "no backup is that old"));
}

TEST_F(CapturedFiles, HaveBackupsThatCheckCleansToo) {
    const fs::path zip = checkpoint_with_log();
    append("three\n");
    expect_restored(restore(zip));
    const std::string kept = backup().string();
    EXPECT_FALSE(holds(cedana({"check", "--clean"}).out, kept));
    EXPECT_TRUE(
        matches(cedana({"check", "--clean", "--backups", "0s"}).out, "[^]*removed +backup +" + kept + "\n[^]*"));
    EXPECT_EQ(backups(), std::vector<std::string>());
    EXPECT_EQ(cedana({"check", "--backups", "0s"}).exit_code, 2);
}

TEST_F(CapturedFiles, ThatAreSeveralAreToldInOneLine) {
    const fs::path other = log.parent_path() / "other";
    write_text(other, k_of_then);
    Target target({"/bin/sh", "-c", "exec sleep infinity 3>>" + other.string()}, log);
    while (!holds(read_file("/proc/" + target.pid_text() + "/comm"), "sleep"))
        std::this_thread::yield();
    const fs::path zip = only_line(dump(target, {"--stop"}).out);
    target.wait_end();
    append("three\n");
    write_text(other, "");
    const CedanaRun run = restore(zip);
    expect_restored(run);
    EXPECT_EQ(run.err,
              "warning: 2 files were put back as they were at the checkpoint; what was there is beside each as "
              "NAME.cedana-backup-DATETIME: " +
                  log.string() + ", " + other.string() + "\n");
}

TEST_F(CapturedFiles, OfTheSameSizeButOtherContentArePutBack) {
    const fs::path zip = checkpoint_with_log();
    write_text(log, "one\nTWO\n");
    expect_restored(restore(zip));
    EXPECT_EQ(read_file(backup()), "one\nTWO\n");
}

TEST_F(CapturedFiles, ThatAreTheSameAreLeftAlone) {
    const fs::path zip = checkpoint_with_log();
    const struct ::stat before = stat_of(log);
    const CedanaRun run = restore(zip);
    expect_restored(run);
    EXPECT_EQ(run.err, "");
    EXPECT_EQ(stat_of(log).st_ino, before.st_ino);
    EXPECT_EQ(stat_of(log).st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    EXPECT_EQ(names_in(log.parent_path()), std::vector<std::string>{"log"});
}

TEST_F(CapturedFiles, ThatAreGoneComeBackAsTheyWere) {
    ASSERT_EQ(::chown(log.c_str(), 1234, 4321), 0);
    ::chmod(log.c_str(), 0640);
    const fs::path zip = checkpoint_with_log();
    const struct ::stat before = stat_of(log);
    fs::remove(log);
    const CedanaRun run = restore(zip);
    expect_restored(run);
    EXPECT_TRUE(holds(run.err, "nothing was there"));
    EXPECT_EQ(stat_of(log).st_uid, 1234U);
    EXPECT_EQ(stat_of(log).st_gid, 4321U);
    EXPECT_EQ(stat_of(log).st_mode, before.st_mode);
    EXPECT_EQ(stat_of(log).st_mtim.tv_sec, before.st_mtim.tv_sec);
    EXPECT_EQ(stat_of(log).st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    EXPECT_EQ(names_in(log.parent_path()), std::vector<std::string>{"log"});
}

TEST_F(CapturedFiles, AreToldInJson) {
    const fs::path zip = checkpoint_with_log();
    append("three\n");
    const CedanaRun run = restore(zip, {"--json"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Json json = Json::parse(only_line(run.out));
    const Orphan restored(json.at("pid").get<pid_t>());
    EXPECT_EQ(json.at("files"), Json::parse(R"([{"path": ")" + log.string() +
                                            R"(", "action": "replaced", "backup": ")" + backup().string() + R"("}])"));
}

TEST_F(CapturedFiles, AreLeftAloneByARestoreThatIsToldSo) {
    const fs::path zip = checkpoint_with_log();
    append("three\n");
    options.environment["CEDANA_FILES_CAPTURE"] = "none";
    const CedanaRun run = restore(zip);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
    expect_undone(k_of_then + "three\n");
}

TEST_F(CapturedFiles, AreNotPutBackThroughALink) {
    const fs::path zip = checkpoint_with_log();
    fs::remove(log);
    write_text(scratch("shadow"), "secret\n");
    fs::create_symlink(scratch("shadow"), log);
    expect_refused(restore(zip), "it is a symbolic link now", 8);
    EXPECT_EQ(read_file(scratch("shadow")), "secret\n");
    EXPECT_TRUE(fs::is_symlink(log));
}

TEST_F(CapturedFiles, AreNotPutBackThroughAFolderThatIsALinkNow) {
    const fs::path zip = checkpoint_with_log();
    fs::rename(log.parent_path(), scratch("elsewhere"));
    fs::create_directory_symlink(scratch("elsewhere"), log.parent_path());
    append("three\n");
    expect_refused(restore(zip), log.parent_path().string() + " is a symbolic link now", 8);
    EXPECT_EQ(read_file(log), k_of_then + "three\n");
}

TEST_F(CapturedFiles, WhoseFolderIsGoneAreRefusedWithItsName) {
    const fs::path zip = checkpoint_with_log();
    fs::remove_all(log.parent_path());
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 7);
    EXPECT_TRUE(holds(run.err, "the folder " + log.parent_path().string() + " does not exist"));
    EXPECT_EQ(field_of(run.err, "hint"), "create it: mkdir -p " + log.parent_path().string());
    EXPECT_TRUE(criu_runs("restore").empty());
}

TEST_F(CapturedFiles, ThatAnotherProcessWritesToAreRefusedWithItsName) {
    const fs::path zip = checkpoint_with_log();
    append("three\n");
    const Target other({"/bin/sleep", "infinity"}, log);
    const CedanaRun run = restore(zip);
    expect_refused(run, "process " + other.pid_text() + " (sleep) has it open for writing");
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "--force"));
    expect_undone(k_of_then + "three\n");
}

TEST_F(CapturedFiles, ThatAnotherProcessWritesToArePutBackByForce) {
    const fs::path zip = checkpoint_with_log();
    append("three\n");
    const Target other({"/bin/sleep", "infinity"}, log);
    const CedanaRun run = restore(zip, {"--force"});
    expect_restored(run);
    EXPECT_EQ(read_file(backup()), k_of_then + "three\n");
    EXPECT_TRUE(holds(run.err, "is put back although process " + other.pid_text()));
}

TEST_F(CapturedFiles, ThatAnotherProcessWritesToAndAreTheSameAreNoReasonToRefuse) {
    const fs::path zip = checkpoint_with_log();
    const Target other({"/bin/sleep", "infinity"}, log);
    expect_restored(restore(zip));
}

TEST_F(CapturedFiles, ThatAProcessOutsideOfTheTreeWritesToAreToldAtTheDump) {
    const Target other({"/bin/sleep", "infinity"}, log);
    checkpoint_with_log();
    EXPECT_TRUE(
        holds(dump_said, log.string() + " is also open for writing by process " + other.pid_text() + " (sleep)"));
}

TEST_F(CapturedFiles, AreUndoneWhenCriuFails) {
    const fs::path zip = checkpoint_with_log();
    append("three\n");
    const ino_t inode = stat_of(log).st_ino;
    plan("at restored fail");
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 7);
    expect_undone(k_of_then + "three\n");
    EXPECT_EQ(stat_of(log).st_ino, inode);
    fs::remove(field_of(run.err, "log"));
}

TEST_F(CapturedFiles, ThatWereGoneAreGoneAgainWhenCriuFails) {
    const fs::path zip = checkpoint_with_log();
    fs::remove(log);
    plan("at images fail");
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 7);
    EXPECT_EQ(names_in(log.parent_path()), std::vector<std::string>());
    fs::remove(field_of(run.err, "log"));
}

TEST_F(CapturedFiles, AreUndoneByAnInterrupt) {
    const fs::path zip = checkpoint_with_log();
    append("three\n");
    plan("at restored stay");
    RunningCedana running({"client", "restore", zip}, options, folder());
    wait_for_file(criu_file("at-restored"));
    EXPECT_EQ(read_file(log), k_of_then);
    running.signal(SIGINT);
    EXPECT_EQ(running.wait().exit_code, 130);
    expect_undone(k_of_then + "three\n");
}

TEST_F(CapturedFiles, ThatAreDamagedInTheCheckpointChangeNothing) {
    std::string varied;
    for (int number = 0; number < 100'000; ++number)
        varied += std::to_string(number * 7919) + "\n";
    write_text(log, varied);
    const fs::path zip = checkpoint_with_log();
    write_text(log, "of now");
    std::string content = read_file(zip);
    char& byte = content.at(content.find("files/0") + 5000);
    byte = static_cast<char>(byte ^ 1);
    write_text(zip, content);
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 8) << run.err;
    EXPECT_TRUE(criu_runs("restore").empty());
    expect_undone("of now");
}

TEST_F(CapturedFiles, OverTheLimitAreOnlyDescribed) {
    limit_captures();
    const ZipReader zip(checkpoint_with_log());
    EXPECT_EQ(zip.find("files/0"), nullptr);
    EXPECT_TRUE(holds(dump_said, log.string() + " is not copied into the checkpoint: 8 B is over"));
    const Manifest manifest = parse_manifest(zip.read(k_manifest_entry, 1 << 20));
    EXPECT_EQ(manifest.files.at(0).size, k_of_then.size());
    EXPECT_EQ(manifest.files.at(0).digest.size(), 64U);
}

TEST_F(CapturedFiles, OverTheLimitThatAreSeveralAreToldInOneLine) {
    limit_captures();
    const fs::path other = log.parent_path() / "other";
    write_text(other, k_of_then);
    const Target target({"/bin/sh", "-c", "exec sleep infinity 3>>" + other.string()}, log);
    while (!holds(read_file("/proc/" + target.pid_text() + "/comm"), "sleep"))
        std::this_thread::yield();
    const std::string said = dump(target).err;
    const std::vector<std::string> lines = split(said, '\n');
    const auto is_told = [](const std::string& line) { return holds(line, "over files.capture_limit_mib"); };
    EXPECT_EQ(std::ranges::count_if(lines, is_told), 1) << said;
    EXPECT_TRUE(holds(said, "a restore needs it as it is now; the same goes for "));
}

TEST_F(CapturedFiles, OverTheLimitOfATreeThatRunsOnHaveADigestToo) {
    limit_captures();
    const Target target({"/bin/sleep", "infinity"}, log);
    const Target rewriter(
        {"/bin/bash", "-c", "exec 3<>" + log.string() + "; : > " + scratch("ready").string() + "; sleep infinity"});
    const auto digest = [this](const Target& of) {
        const ZipReader zip(only_line(dump(of).out));
        return parse_manifest(zip.read(k_manifest_entry, 1 << 20)).files.at(0).digest;
    };
    EXPECT_EQ(digest(target).size(), 64U);
    wait_for_file(scratch("ready"));
    EXPECT_EQ(digest(rewriter), digest(target));
}

TEST_F(CapturedFiles, OverTheLimitThatAreTheSameAreNoReasonToRefuse) {
    limit_captures();
    expect_restored(restore(checkpoint_with_log()));
}

TEST_F(CapturedFiles, OverTheLimitThatGrewAreRefusedWithBothSizes) {
    limit_captures();
    const fs::path zip = checkpoint_with_log();
    append("three\n");
    const CedanaRun run = restore(zip);
    expect_refused(run, "it has grown to 14 bytes, and had 8 bytes at the checkpoint");
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "--truncate-grown"));
    expect_undone(k_of_then + "three\n");
}

TEST_F(CapturedFiles, OverTheLimitThatGrewAreCutOnRequest) {
    limit_captures();
    const fs::path zip = checkpoint_with_log();
    append("three\n");
    const CedanaRun run = restore(zip, {"--truncate-grown"});
    expect_restored(run);
    EXPECT_EQ(read_file(backup()), "three\n");
    EXPECT_TRUE(holds(run.err, "what was added since is in " + backup().string()));
}

TEST_F(CapturedFiles, OverTheLimitThatWereCutAreUndoneWhenCriuFails) {
    limit_captures();
    const fs::path zip = checkpoint_with_log();
    append("three\n");
    plan("at restored fail");
    const CedanaRun run = restore(zip, {"--truncate-grown"});
    EXPECT_EQ(run.exit_code, 7);
    expect_undone(k_of_then + "three\n");
    fs::remove(field_of(run.err, "log"));
}

TEST_F(CapturedFiles, OverTheLimitThatDidNotOnlyGrowAreRefusedAllTheSame) {
    limit_captures();
    const fs::path zip = checkpoint_with_log();
    for (const char* content : {"ONE\ntwo\nthree\n", "one\nTWO\n", "one\n"}) {
        write_text(log, content);
        expect_refused(restore(zip, {"--truncate-grown"}), "which holds no copy of it");
        expect_undone(content);
    }
    fs::remove(log);
    expect_refused(restore(zip, {"--truncate-grown"}), "it is gone");
}

} // namespace
} // namespace cedana::testing
