// SPDX-License-Identifier: Apache-2.0
// A user whom sudo allows cedana and nothing else: nothing that they can name makes them root, nor writes where they
// could not. And one whom sudo allows everything, who is spared these refusals. The table is in docs/security.md.
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/files/partial_file.hpp"
#include "cedana/job/books.hpp"
#include "cedana/job/state.hpp"
#include "cedana/roles/own_stdio.hpp"
#include "cedana/roles/plans.hpp"
#include "cedana/roles/role.hpp"

#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include <pty.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/command_fixture.hpp"
#include "support/made_checkpoint.hpp"
#include "support/synthetic_checkpoint.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* k_secret = "root's own\n";

class BehindSudo : public WithTarget {
  protected:
    void SetUp() override {
        WithTarget::SetUp();
        if (IsSkipped())
            return;
        options.environment.erase("CEDANA_CRIU_PATH");
        options.environment["SUDO_USER"] = "nobody";
        options.environment["SUDO_COMMAND"] = "/usr/bin/cedana";
        configure(Json::object());
        options.environment["CEDANA_CONFIG"] = roots_file();
        fs::create_directory(own());
        give(own());
        write_text(roots(), k_secret);
        ASSERT_EQ(::chmod(roots().c_str(), 0644), 0);
    }
    static void give(const fs::path& path) { ASSERT_EQ(::lchown(path.c_str(), k_nobody, k_nobody), 0) << path; }
    static uid_t owner_of(const fs::path& path) {
        struct ::stat info {};
        EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
        return info.st_uid;
    }

    [[nodiscard]] fs::path roots_file() const { return scratch("roots.json"); }
    // A folder of the user.
    [[nodiscard]] fs::path own() const { return folder() / "own"; }
    // A file that root alone can write; so is store().
    [[nodiscard]] fs::path roots() const { return scratch("roots"); }

    // Root's configuration, with these settings beside the fake CRIU.
    void configure(Json settings) const {
        settings["criu"]["path"] = criu();
        write_text(roots_file(), settings.dump());
    }
    void let_root_name_the_store() const { configure({{"shared_storage", {{"dump_storage_dir", store()}}}}); }

    // From here on sudo would let the user run anything. Skips the test where it cannot be told so.
    void allow_everything() {
        if (!fs::exists("/usr/bin/sudo"))
            GTEST_SKIP() << "needs sudo";
        write_text(scratch("sudoers"), "root ALL=(ALL:ALL) ALL\nnobody ALL=(ALL:ALL) ALL\n");
        ASSERT_EQ(::chmod(scratch("sudoers").c_str(), 0440), 0);
        write_script(scratch("inner"), "#!/bin/sh\nset -e\nmount --bind " + scratch("sudoers").string() +
                                           " /etc/sudoers\nexec " + cedana_executable().string() + " \"$@\"\n");
        write_script(scratch("wrapped"), "#!/bin/sh\nexec unshare -m " + scratch("inner").string() + " \"$@\"\n");
        options.executable = scratch("wrapped");
    }

    CedanaRun dump_to(const fs::path& folder, const std::vector<std::string>& more = {}) const {
        std::vector<std::string> arguments = {"client", "dump", "-p", target.pid_text(), "-d", folder};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return cedana(arguments);
    }
    // In root's store, of a process that had a terminal.
    [[nodiscard]] fs::path with_terminal() const {
        int master = -1;
        int slave = -1;
        EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
        const UniqueFd ours(master);
        const UniqueFd terminal(slave);
        ChildProcess child = ChildProcess::spawn(
            {.argv = {"/bin/sleep", "infinity"}, .fds = {{slave, 0}}, .cwd = "/", .session = Session::own});
        const CedanaRun run = cedana({"client", "dump", "-p", std::to_string(child.pid()), "-d", store(), "--stop"});
        EXPECT_EQ(run.exit_code, 0) << run.err;
        child.wait();
        return only_line(run.out);
    }
    void expect_refused(const CedanaRun& run, const std::string& said) const {
        EXPECT_EQ(run.exit_code, 4) << run.err;
        EXPECT_EQ(run.out, "");
        EXPECT_TRUE(holds(run.err, said));
        EXPECT_TRUE(criu_runs("dump").empty());
        EXPECT_TRUE(criu_runs("restore").empty());
        EXPECT_EQ(read_file(roots()), k_secret);
    }
    void end_restored() const { const Orphan restored(std::stoi(read_file(criu_file("child")))); }
    // What a cleaner would remove.
    const fs::path others = store() / partial_name("others_20261122T164510Z");
};

// --criu-arg

TEST_F(BehindSudo, ArgumentsByWhichCriuRunsOrWritesSomethingAreRefused) {
    for (const char* argument : {"--action-script=/tmp/x", "--libdir=/tmp", "--log-file=/etc/x", "--config=/tmp/x"}) {
        const std::string given = std::string("--criu-arg=") + argument;
        expect_refused(dump_to(own(), {given}), "user nobody may not give CRIU the argument " + std::string(argument));
        expect_refused(cedana({"client", "restore", scratch("any.zip"), given}), argument);
        expect_refused(dump_to(own(), {given, "--dry-run"}), argument);
    }
}

TEST_F(BehindSudo, ArgumentsThatOnlyConcernTheTreeAreTaken) {
    const CedanaRun run = dump_to(own(), {"--criu-arg=--ghost-limit=2000000000"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(only(criu_runs("dump")), "--ghost-limit=2000000000"));
}

TEST_F(BehindSudo, WhoMayRunAnythingMayGiveAnyArgument) {
    allow_everything();
    const CedanaRun run = dump_to(own(), {"--criu-arg=--libdir=" + scratch("none").string()});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(only(criu_runs("dump")), "--libdir="));
}

// The environment, where sudo is told to keep it.

TEST_F(BehindSudo, SettingsOfRootDoNotCountFromTheEnvironment) {
    write_script(own() / "evil", "#!/bin/sh\ntouch " + scratch("has-run").string() + "\n");
    for (const char* name : {"CEDANA_CRIU_PATH", "CEDANA_ACTION_SCRIPTS_PRE_DUMP", "CEDANA_ACTION_SCRIPTS_POST_DUMP"})
        options.environment[name] = own() / "evil";
    options.environment["CEDANA_CRIU_EXTRA_ARGS"] = "--action-script " + (own() / "evil").string();
    options.environment["CEDANA_SECURITY_STRICT_PERMISSIONS"] = "false";
    options.environment["CEDANA_METRICS_TEXTFILE_DIR"] = own();
    const CedanaRun run = dump_to(own());
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_FALSE(fs::exists(scratch("has-run")));
    EXPECT_TRUE(names_in(own(), ".prom").empty());
    EXPECT_FALSE(holds(only(criu_runs("dump")), "evil"));
    EXPECT_TRUE(holds(run.err, "CEDANA_SECURITY_STRICT_PERMISSIONS: security.strict_permissions is ignored: it says "
                               "whom root trusts"));
}

// A guard of this command, in the role of `cedana`: sudo does not close the descriptor of the plan.
CedanaRun run_guard_of(const std::vector<std::string>& argv, std::vector<std::string> environment) {
    SpawnRequest role{.argv = {}, .fds = {{STDERR_FILENO, STDERR_FILENO}}, .env = std::move(environment)};
    const roles::GuardPlan plan{.criu = {.argv = argv}};
    roles::RoleCommand command = roles::role_command("guard", plan, std::move(role));
    command.request.argv.front() = cedana_executable();
    const Captured run = run_captured(std::move(command.request), std::chrono::seconds(60));
    return {.exit_code = run.status.shell_code(), .out = run.out, .err = run.err};
}

TEST_F(BehindSudo, TheRolesOfHelpersCannotBeTaken) {
    const std::vector<std::string> evil = {"/bin/sh", "-c", "touch " + scratch("has-run").string()};
    for (const char* asked_by : {"SUDO_USER=nobody", "SUDO_COMMAND=/usr/bin/cedana"}) {
        const CedanaRun run = run_guard_of(evil, {"PATH=/usr/bin:/bin", asked_by});
        EXPECT_EQ(run.exit_code, 2) << asked_by;
        EXPECT_TRUE(holds(run.err, "no role can be taken by sudo"));
    }
    EXPECT_FALSE(fs::exists(scratch("has-run")));
    const CedanaRun without = run_guard_of(evil, {"PATH=/usr/bin:/bin"});
    EXPECT_EQ(without.exit_code, 0) << without.err;
    EXPECT_TRUE(fs::exists(scratch("has-run")));
}

TEST_F(BehindSudo, FaultsCannotBePutIntoCriu) {
    write_script(scratch("noting") / "criu", "#!/bin/bash\nenv >> " + scratch("given").string() + "\nexec -a " +
                                                 criu().string() + " " + FAKE_CRIU + " \"$@\"\n");
    write_text(roots_file(), Json{{"criu", {{"path", scratch("noting") / "criu"}}}}.dump());
    options.environment["CRIU_FAULT"] = "1";
    ASSERT_EQ(dump_to(own()).exit_code, 0);
    EXPECT_FALSE(holds(read_file(scratch("given")), "CRIU_FAULT"));
    options.environment.erase("SUDO_USER");
    options.environment.erase("SUDO_COMMAND");
    ASSERT_EQ(dump_to(store()).exit_code, 0);
    EXPECT_TRUE(holds(read_file(scratch("given")), "CRIU_FAULT=1"));
}

// --config, CEDANA_CONFIG and the file at home.

TEST_F(BehindSudo, TheUsersFileDoesNotNamePrograms) {
    write_text(own() / "mine.json", Json{{"criu", {{"path", own() / "evil"}}},
                                         {"action_scripts", {{"pre_dump", own() / "evil"}}},
                                         {"security", {{"strict_permissions", false}}}}
                                        .dump());
    give(own() / "mine.json");
    const CedanaRun run = cedana({"config", "show", "--json", "--config", own() / "mine.json"});
    const Json shown = Json::parse(only_line(run.out));
    EXPECT_EQ(shown.at("criu.path").at("value"), "criu");
    EXPECT_EQ(shown.at("action_scripts.pre_dump").at("value"), "");
    EXPECT_EQ(shown.at("security.strict_permissions").at("value"), true);
}

TEST_F(BehindSudo, AFileOfRootInAFolderOfTheUserDoesNotNameProgramsEither) {
    fs::copy_file(roots_file(), own() / "roots.json");
    ASSERT_EQ(owner_of(own() / "roots.json"), 0U);
    const CedanaRun run = cedana({"config", "show", "--json", "--config", own() / "roots.json"});
    EXPECT_EQ(Json::parse(only_line(run.out)).at("criu.path").at("value"), "criu");
    EXPECT_TRUE(holds(run.err, "criu.path is ignored"));
}

TEST_F(BehindSudo, AFileOfAnotherUserIsRefused) {
    write_text(scratch("others.json"), "{}");
    ASSERT_EQ(::chown(scratch("others.json").c_str(), 12345, 12345), 0);
    expect_refused(cedana({"config", "show", "--config", scratch("others.json")}), "user 12345 owns it");
}

TEST_F(BehindSudo, AFileThatTheUserCannotReadIsNotReadForThem) {
    ASSERT_EQ(::chmod(roots().c_str(), 0600), 0);
    const CedanaRun run = cedana({"config", "show", "--config", roots()});
    expect_refused(run, "cannot open the config file");
    EXPECT_FALSE(holds(run.err, k_secret));
}

// -d

TEST_F(BehindSudo, AFolderOfTheUsersOwnTakesTheCheckpointWhichStaysRoots) {
    const CedanaRun run = dump_to(own());
    ASSERT_EQ(run.exit_code, 0) << run.err;
    struct ::stat info {};
    ASSERT_EQ(::stat(only_line(run.out).c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 0U);
    EXPECT_EQ(info.st_mode & 07777U, 0600U);
}

TEST_F(BehindSudo, AFolderInWhichTheUserCannotWriteIsRefused) {
    write_text(others, "");
    const std::string said = "the folder for checkpoints " + store().string() + " is not one in which user nobody may";
    expect_refused(dump_to(store()), said);
    expect_refused(dump_to(store(), {"--dry-run"}), said);
    fs::create_symlink(store(), own() / "link");
    expect_refused(dump_to(own() / "link"), "is not one in which user nobody may make files");
    EXPECT_EQ(names_in(store()), std::vector<std::string>{others.filename()});
}

TEST_F(BehindSudo, AFolderThatTheUsersConfigurationNamesIsRefusedToo) {
    for (const char* key : {"CEDANA_SHARED_STORAGE_DUMP_STORAGE_DIR", "CEDANA_SHARED_STORAGE_MOUNT_POINT"}) {
        options.environment[key] = store();
        std::vector<std::string> arguments = {"client", "dump", "-p", target.pid_text()};
        if (std::string(key).ends_with("MOUNT_POINT"))
            arguments.insert(arguments.end(), {"-d", own()});
        expect_refused(cedana(arguments), store().string() + " is not one in which user nobody may make files");
        options.environment.erase(key);
    }
}

TEST_F(BehindSudo, AFolderThatRootNamesTakesTheCheckpoint) {
    let_root_name_the_store();
    EXPECT_EQ(cedana({"client", "dump", "-p", target.pid_text()}).exit_code, 0);
    EXPECT_EQ(dump_to(store()).exit_code, 0);
    EXPECT_EQ(names_in(store(), ".zip").size(), 2U);
}

TEST_F(BehindSudo, WhoMayRunAnythingMayNameAnyFolder) {
    allow_everything();
    const CedanaRun run = dump_to(store());
    EXPECT_EQ(run.exit_code, 0) << run.err;
}

// prune, and check --clean

TEST_F(BehindSudo, PruneRemovesNothingWhereTheUserCannot) {
    write_checkpoint(store() / "a_1.zip", plausible_manifest("a", 42, "2026-01-01T00:00:00Z"));
    write_checkpoint(store() / "a_2.zip", plausible_manifest("a", 42, "2026-01-02T00:00:00Z"));
    expect_refused(cedana({"client", "prune", store(), "--keep-last", "1"}), "the store " + store().string());
    EXPECT_EQ(names_in(store(), ".zip").size(), 2U);
}

TEST_F(BehindSudo, CleaningRemovesNothingWhereTheUserCannot) {
    write_text(others, "");
    expect_refused(cedana({"check", "--clean", "-d", store()}), "the folder " + store().string());
    EXPECT_TRUE(fs::exists(others));
}

// The checkpoint of a restore.

class CheckpointBehindSudo : public BehindSudo {
  protected:
    // Root's file, in a folder in which the user can put another in its place.
    [[nodiscard]] fs::path in_own_folder() {
        const CedanaRun run = dump_to(own(), {"--stop"});
        EXPECT_EQ(run.exit_code, 0) << run.err;
        target.wait_end();
        return only_line(run.out);
    }
};

TEST_F(CheckpointBehindSudo, ThatTheUserCouldReplaceIsRefused) {
    const fs::path zip = in_own_folder();
    const CedanaRun run = cedana({"client", "restore", zip});
    EXPECT_EQ(run.exit_code, 4);
    EXPECT_TRUE(holds(run.err, "the checkpoint " + zip.string() +
                                   " is refused, since user nobody can change it, and what it holds runs as root"));
    EXPECT_TRUE(criu_runs("restore").empty());
}

TEST_F(CheckpointBehindSudo, ThatTheUserMadeIsRefused) {
    make_checkpoint(own() / "made.zip");
    give(own() / "made.zip");
    expect_refused(cedana({"client", "restore", own() / "made.zip"}), "user nobody can change it");
}

TEST_F(CheckpointBehindSudo, ThatRootAloneCanChangeIsRestored) {
    let_root_name_the_store();
    const CedanaRun run = cedana({"client", "dump", "-p", target.pid_text(), "--stop"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    target.wait_end();
    const CedanaRun back = cedana({"client", "restore", "latest"});
    ASSERT_EQ(back.exit_code, 0) << back.err;
    end_restored();
}

TEST_F(CheckpointBehindSudo, OfTheUsersOwnFolderIsRestoredForWhoMayRunAnything) {
    const fs::path zip = in_own_folder();
    allow_everything();
    const CedanaRun run = cedana({"client", "restore", zip});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    end_restored();
}

// --stdio, and where output goes without it

class OutputBehindSudo : public BehindSudo {
  protected:
    void SetUp() override {
        BehindSudo::SetUp();
        if (IsSkipped())
            return;
        let_root_name_the_store();
        zip = with_terminal();
    }
    void expect_not_opened(const CedanaRun& run) const {
        EXPECT_EQ(run.exit_code, 4) << run.err;
        EXPECT_TRUE(holds(run.err, "Permission denied"));
        EXPECT_TRUE(holds(field_of(run.err, "hint"), "--stdio FILE"));
        EXPECT_TRUE(criu_runs("restore").empty());
        EXPECT_EQ(read_file(roots()), k_secret);
    }
    fs::path zip;
};

TEST_F(OutputBehindSudo, DoesNotGoToAFileOfRoot) {
    expect_not_opened(cedana({"client", "restore", zip, "--stdio", roots()}));
}

TEST_F(OutputBehindSudo, DoesNotGoThroughALinkOfTheUser) {
    fs::create_symlink(roots(), own() / "log");
    give(own() / "log");
    expect_not_opened(cedana({"client", "restore", zip, "--stdio", own() / "log"}));
}

TEST_F(OutputBehindSudo, MakesNoFileInAFolderOfRoot) {
    expect_not_opened(cedana({"client", "restore", zip, "--stdio", folder() / "new"}));
    EXPECT_FALSE(fs::exists(folder() / "new"));
}

TEST_F(OutputBehindSudo, GoesToAFileOfTheUserAsTheirs) {
    const CedanaRun run = cedana({"client", "restore", zip, "--stdio", own() / "log"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(owner_of(own() / "log"), k_nobody);
    end_restored();
}

TEST_F(OutputBehindSudo, GoesToAFileOfRootsWhereNoneIsNamed) {
    const CedanaRun run = cedana({"client", "restore", zip});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(owner_of(default_output(zip)), 0U);
    end_restored();
}

TEST_F(OutputBehindSudo, GoesWhereRootMayWriteForWhoMayRunAnything) {
    allow_everything();
    const CedanaRun run = cedana({"client", "restore", zip, "--stdio", roots()});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(read_file(roots()).starts_with(k_secret));
    end_restored();
}

// The link may be of somebody who may not run anything.
TEST_F(OutputBehindSudo, HasNothingToDoWithALinkBesideTheCheckpoint) {
    allow_everything();
    fs::copy_file(zip, own() / "copy.zip");
    fs::create_symlink(roots(), own() / "copy.out");
    const CedanaRun run = cedana({"client", "restore", own() / "copy.zip"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(read_file(roots()), k_secret);
    end_restored();
}

// inspect --html

class JobBehindSudo : public BehindSudo {
  protected:
    // A job of root's.
    static void make_job(const fs::path& store) {
        job::make_job_folder(store / "j");
        job::write_record(store / "j", {.name = "j", .argv = {"/bin/true"}, .cwd = "/", .user = "root"});
    }
};

TEST_F(JobBehindSudo, OfAnotherUserIsNotGoneOnWith) {
    let_root_name_the_store();
    make_job(store());
    for (const std::vector<std::string>& words : {std::vector<std::string>{"run", "--job", "j"},
                                                  {"run", "--no-pidns", "--job", "j"},
                                                  {"stop", "j"},
                                                  {"checkpoint", "j"}}) {
        std::vector<std::string> arguments = {"client"};
        arguments.insert(arguments.end(), words.begin(), words.end());
        expect_refused(cedana(arguments), "the job j is that of user root");
    }
    EXPECT_TRUE(fs::is_empty(store() / "j" / job::k_orders));
}

TEST_F(JobBehindSudo, InAFolderOfTheUserIsRefused) {
    make_job(own());
    for (const char* command : {"ps", "history", "stop", "checkpoint"})
        expect_refused(cedana({"client", command, "j", "-d", own()}), "is refused, since user nobody can change it");
    expect_refused(cedana({"client", "run", "--job", "j", "-d", own()}),
                   "own/j is refused, since user nobody can change it");
    // Signed are its checkpoints, and not what leads to them.
    configure({{"security", {{"trusted_keys", roots()}}}});
    expect_refused(cedana({"client", "run", "--job", "j", "-d", own()}),
                   "own/j is refused, since user nobody can change it");
}

TEST_F(JobBehindSudo, WhoseOrdersOthersCouldGiveIsRefused) {
    let_root_name_the_store();
    make_job(store());
    for (const char* name : {job::k_orders, job::k_staging, job::k_job_file}) {
        ASSERT_EQ(::chmod((store() / "j" / name).c_str(), 0777), 0);
        expect_refused(cedana({"client", "run", "--job", "j"}), std::string(name) + " is refused, since others");
        ASSERT_EQ(::chmod((store() / "j" / name).c_str(), 0700), 0);
    }
}

TEST_F(JobBehindSudo, RunsAsNobodyElse) {
    let_root_name_the_store();
    for (const char* name : {"root", "daemon"})
        expect_refused(cedana({"client", "run", "--user", name, "--", "/bin/true"}),
                       std::string("user nobody may not run jobs as user ") + name);
}

TEST_F(JobBehindSudo, PrintsIntoNoFileThatTheUserCannotWrite) {
    let_root_name_the_store();
    expect_refused(cedana({"client", "run", "--stdio", roots(), "--", "/bin/true"}), "name a file that user nobody");
}

TEST_F(JobBehindSudo, IsNotStoppedWhereTheUserCannotWrite) {
    make_job(store());
    expect_refused(cedana({"client", "stop", "j", "-d", store()}), "is not one in which user nobody may make files");
    EXPECT_TRUE(fs::is_empty(store() / "j" / job::k_orders));
}

TEST_F(JobBehindSudo, HasAPlainName) {
    let_root_name_the_store();
    for (const char* name : {"../j", "/etc", ".", "-x"})
        EXPECT_EQ(cedana({"client", "run", std::string("--job=") + name}).exit_code, 2) << name;
}

TEST_F(BehindSudo, APageIsNotWrittenWhereTheUserCannot) {
    make_checkpoint(scratch("a.zip"));
    const auto page = [this](const fs::path& path) {
        return cedana({"client", "inspect", scratch("a.zip"), "--html", path});
    };
    expect_refused(page(roots()), "Permission denied");
    expect_refused(page(folder() / "new.html"), "Permission denied");
    EXPECT_FALSE(fs::exists(folder() / "new.html"));
    fs::create_symlink(roots(), own() / "page.html");
    expect_refused(page(own() / "page.html"), "Permission denied");
    EXPECT_EQ(page(own() / "mine.html").exit_code, 0);
    EXPECT_EQ(owner_of(own() / "mine.html"), k_nobody);
}

// What else they can name makes no file.

TEST_F(BehindSudo, InitMakesNoFileOutsideOfTheUsersHome) {
    // nobody has no home that exists.
    const CedanaRun run = cedana({"config", "init"});
    EXPECT_NE(run.exit_code, 0);
    EXPECT_FALSE(fs::exists(home() / ".cedana"));
    EXPECT_FALSE(fs::exists("/root/.cedana/cedana_config.json") && owner_of("/root/.cedana/cedana_config.json") != 0);
}

TEST_F(BehindSudo, CheckSaysWhatTheUserMayDo) {
    const auto sudo = [this] {
        const Json json = Json::parse(only_line(cedana({"check", "--json"}).out));
        for (const Json& one : json.at("requirements"))
            if (one.at("name") == "sudo")
                return one.at("found").get<std::string>();
        return std::string();
    };
    EXPECT_TRUE(holds(sudo(), "user nobody may not run everything as root"));
    allow_everything();
    EXPECT_EQ(sudo(), "user nobody may run anything as root");
}

// The lines of docs/security.md, given to sudo itself, and asked by a user who has nothing else.
class LineOfTheDocumentation : public BehindSudo {
  protected:
    void SetUp() override {
        BehindSudo::SetUp();
        if (IsSkipped())
            return;
        if (!fs::exists("/usr/bin/sudo") || ::access(cedana_executable().c_str(), X_OK) != 0)
            GTEST_SKIP() << "needs sudo";
        for (const std::string& one : split(read_file(fs::path(CEDANA_SOURCE_DIR) / "docs" / "security.md"), '\n'))
            if (one.starts_with("alice ALL=(root)"))
                line += one + "\n";
        ASSERT_NE(line, "");
        replace_all("alice", "nobody");
        replace_all("/usr/bin/cedana", cedana_executable());
        write_text(scratch("sudoers"), "root ALL=(ALL:ALL) ALL\n" + line);
        ASSERT_EQ(::chmod(scratch("sudoers").c_str(), 0440), 0);
        let_root_name_the_store();
        write_script(scratch("inner"), "#!/bin/sh\nset -e\nmount --bind " + scratch("sudoers").string() +
                                           " /etc/sudoers\nexec setpriv --reuid nobody --regid nogroup "
                                           "--clear-groups sudo -n " +
                                           cedana_executable().string() + " \"$@\"\n");
        write_script(scratch("wrapped"), "#!/bin/sh\nexec unshare -m " + scratch("inner").string() + " \"$@\"\n");
        options.executable = scratch("wrapped");
        options.environment.clear();
    }
    void replace_all(const std::string& from, const std::string& to) {
        for (std::size_t at = 0; (at = line.find(from, at)) != std::string::npos; at += to.size())
            line.replace(at, from.size(), to);
    }
    std::string line;
};

TEST_F(LineOfTheDocumentation, AllowsADumpAndARestoreAndNothingElse) {
    const CedanaRun run = cedana({"client", "dump", "--config", roots_file(), "-p", target.pid_text(), "--stop"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    target.wait_end();
    const CedanaRun back = cedana({"client", "restore", "--config", roots_file(), only_line(run.out)});
    ASSERT_EQ(back.exit_code, 0) << back.err;
    end_restored();
    for (const std::vector<std::string>& other : {std::vector<std::string>{"client", "inspect", only_line(run.out)},
                                                  {"client", "prune", store()},
                                                  {"check", "--clean"},
                                                  {"client", "migrate", target.pid_text(), "beta"},
                                                  {"--config", own() / "x", "client", "receive"},
                                                  {"--config", own() / "x", "client", "dump"}}) {
        const CedanaRun refused = cedana(other);
        EXPECT_EQ(refused.exit_code, 1) << refused.err;
        EXPECT_TRUE(holds(refused.err, "sudo:")) << refused.err;
    }
}

TEST_F(LineOfTheDocumentation, AllowsToReceiveWhatOthersSend) {
    const CedanaRun run = cedana({"client", "receive", "--status", std::string(32, 'a')});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    // Nobody speaks to it.
    EXPECT_EQ(cedana({"client", "receive"}).exit_code, 12);
}

TEST_F(LineOfTheDocumentation, GivesNoWayToRunAnythingElse) {
    write_script(own() / "evil", "#!/bin/sh\ntouch " + scratch("has-run").string() + "\n");
    const CedanaRun run = cedana({"client", "dump", "--config", roots_file(), "-p", target.pid_text(),
                                  "--criu-arg=--action-script=" + (own() / "evil").string()});
    EXPECT_EQ(run.exit_code, 4) << run.err;
    EXPECT_TRUE(holds(run.err, "user nobody may not give CRIU the argument"));
    EXPECT_FALSE(fs::exists(scratch("has-run")));
    EXPECT_TRUE(criu_runs("dump").empty());
}

} // namespace
} // namespace cedana::testing
