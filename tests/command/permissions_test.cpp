// SPDX-License-Identifier: Apache-2.0
// What others can change is not believed: each refusal with owner, mode and the command that mends it, exit 4, and
// nothing has run. And what cedana makes and starts itself: others can neither read the one nor reach into the other.
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include "command/command_fixture.hpp"
#include "support/made_checkpoint.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Permissions : public WithTarget {
  protected:
    static void set_mode(const fs::path& path, mode_t mode) { ASSERT_EQ(::chmod(path.c_str(), mode), 0) << path; }
    static void give(const fs::path& path, uid_t owner) { ASSERT_EQ(::lchown(path.c_str(), owner, 0), 0) << path; }
    static mode_t mode_of(const fs::path& path) {
        struct ::stat info {};
        EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
        return info.st_mode & 07777;
    }
    void configure(const Json& settings) const { write_text(config_file(), settings.dump()); }
    void be_lenient() { options.environment["CEDANA_SECURITY_STRICT_PERMISSIONS"] = "false"; }

    // A dry run goes on to say what else there is.
    void expect_refused(const CedanaRun& run, const std::string& said, const std::string& remedy) const {
        EXPECT_EQ(run.exit_code, 4) << run.err;
        EXPECT_FALSE(holds(run.out, ".zip"));
        EXPECT_TRUE(holds(run.err, said));
        EXPECT_EQ(field_of(run.err, "hint"), remedy);
        EXPECT_TRUE(criu_runs("dump").empty());
        EXPECT_TRUE(criu_runs("restore").empty());
        EXPECT_TRUE(target.runs());
    }
};

TEST_F(Permissions, OfTheConfigFileAreRefusedWhenOthersCanWriteIt) {
    configure(Json::object());
    set_mode(config_file(), 0646);
    expect_refused(dump(target),
                   "the config file " + config_file().string() +
                       " is refused, since others can change it: everybody may write to it (owner root, group root, "
                       "mode 0646)",
                   "chmod o-w " + config_file().string());
}

TEST_F(Permissions, OfTheConfigFileAreRefusedWhenOthersCanWriteAFolderAbove) {
    configure(Json::object());
    set_mode(home(), 0777);
    expect_refused(dump(target), "everybody may write to " + home().string() + " (owner root, group root, mode 0777)",
                   "chmod o-w " + home().string());
}

TEST_F(Permissions, OfTheConfigFileAreRefusedWhenItIsAnotherUsers) {
    configure(Json::object());
    give(config_file(), k_nobody);
    expect_refused(dump(target), "user nobody owns it (owner nobody", "chown root " + config_file().string());
}

TEST_F(Permissions, CannotBeWaivedByTheFileItself) {
    configure({{"security", {{"strict_permissions", false}}}});
    set_mode(config_file(), 0646);
    expect_refused(dump(target), "is refused, since others can change it", "chmod o-w " + config_file().string());
}

TEST_F(Permissions, CanBeWaivedByRoot) {
    configure({{"security", {{"strict_permissions", false}}}});
    set_mode(store(), 0777);
    EXPECT_EQ(dump(target).exit_code, 0);
    set_mode(config_file(), 0646);
    be_lenient();
    EXPECT_EQ(dump(target).exit_code, 0);
}

TEST_F(Permissions, OfCriuAreRefusedBeforeItIsAskedForItsVersion) {
    set_mode(criu(), 0757);
    write_text(criu_file("argv"), "");
    expect_refused(dump(target), "CRIU " + criu().string() + " is refused, since others can change it: everybody",
                   "chmod o-w " + criu().string());
    EXPECT_EQ(read_file(criu_file("argv")), "");
    expect_refused(dump(target, {"--dry-run"}), "CRIU " + criu().string(), "chmod o-w " + criu().string());
}

TEST_F(Permissions, OfCriusPluginsAreRefused) {
    const fs::path plugins = scratch("plugins");
    write_text(plugins / "cuda_plugin.so", "");
    configure({{"criu", {{"extra_args", {"--libdir=" + plugins.string()}}}}});
    set_mode(plugins, 01777);
    expect_refused(dump(target), "the folder of CRIU's plug-ins " + plugins.string() + " is refused",
                   "chmod o-w " + plugins.string());
    set_mode(plugins, 0755);
    give(plugins / "cuda_plugin.so", k_nobody);
    expect_refused(dump(target), "CRIU's plug-in " + (plugins / "cuda_plugin.so").string() + " is refused",
                   "chown root " + (plugins / "cuda_plugin.so").string());
}

class PermissionsOfHook : public Permissions, public ::testing::WithParamInterface<const char*> {};

TEST_P(PermissionsOfHook, AreRefusedBeforeAnythingIsDone) {
    const fs::path hook = scratch("hooks") / GetParam();
    write_script(hook, "#!/bin/sh\ntouch " + scratch("has-run").string() + "\n");
    configure({{"action_scripts", {{GetParam(), hook}}}});
    give(hook, k_nobody);
    make_checkpoint(scratch("any.zip"));
    for (const CedanaRun& run : {dump(target), restore(scratch("any.zip"))})
        expect_refused(run, std::string("action_scripts.") + GetParam() + " " + hook.string() + " is refused",
                       "chown root " + hook.string());
    EXPECT_FALSE(fs::exists(scratch("has-run")));
}

INSTANTIATE_TEST_SUITE_P(Stages, PermissionsOfHook,
                         ::testing::Values("pre_dump", "post_dump", "pre_restore", "post_restore"));

TEST_F(Permissions, OfTheStoreAreRefusedWhenOthersCanReplaceACheckpoint) {
    set_mode(store(), 0777);
    const std::string said = "the folder for checkpoints " + store().string() + " is refused";
    expect_refused(dump(target), said, "chmod o-w " + store().string());
    expect_refused(dump(target, {"--dry-run"}), said, "chmod o-w " + store().string());
    EXPECT_TRUE(names_in(store()).empty());
    set_mode(store(), 0755);
    give(store(), k_nobody);
    expect_refused(dump(target), "user nobody owns it (owner nobody", "chown root " + store().string());
}

TEST_F(Permissions, OfAStickyStoreWillDoForTheCheckpointsOfRoot) {
    set_mode(store(), 01777);
    const CedanaRun run = dump(target, {"--stop"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    target.wait_end();
    const CedanaRun back = restore(only_line(run.out));
    ASSERT_EQ(back.exit_code, 0) << back.err;
    const Orphan restored(std::stoi(back.out));
}

TEST_F(Permissions, OfTheMountPointAreRefused) {
    fs::create_directory(scratch("mount"));
    set_mode(scratch("mount"), 0775);
    ASSERT_EQ(::chown(scratch("mount").c_str(), 0, k_nobody), 0);
    configure({{"shared_storage", {{"mount_point", scratch("mount")}}}});
    expect_refused(dump(target),
                   "shared_storage.mount_point " + scratch("mount").string() +
                       " is refused, since others can change it: its group nogroup may write to it (owner root, group "
                       "nogroup, mode 0775)",
                   "chmod g-w " + scratch("mount").string());
}

class PermissionsOfACheckpoint : public Permissions {
  protected:
    void SetUp() override {
        Permissions::SetUp();
        if (!IsSkipped())
            zip = checkpoint();
    }
    void expect_not_restored(const std::string& said, const std::string& remedy) const {
        const CedanaRun run = restore(zip);
        EXPECT_EQ(run.exit_code, 4) << run.err;
        EXPECT_TRUE(holds(run.err, said));
        EXPECT_EQ(field_of(run.err, "hint"), remedy);
        EXPECT_EQ(restore(zip, {"--dry-run"}).exit_code, 4);
        const CedanaRun verified = cedana({"client", "verify", zip});
        EXPECT_EQ(verified.exit_code, 4);
        EXPECT_TRUE(holds(verified.out, said));
        EXPECT_TRUE(criu_runs("restore").empty());
    }
    fs::path zip;
};

TEST_F(PermissionsOfACheckpoint, AreRefusedWhenOthersCanWriteIt) {
    set_mode(zip, 0606);
    expect_not_restored("the checkpoint " + zip.string() + " is refused, since others can change it: everybody may",
                        "chmod o-w " + zip.string());
}

TEST_F(PermissionsOfACheckpoint, AreRefusedWhenItIsAnotherUsers) {
    set_mode(store(), 01777);
    give(zip, k_nobody);
    expect_not_restored("user nobody owns it (owner nobody, group root, mode 0600)", "chown root " + zip.string());
}

TEST_F(PermissionsOfACheckpoint, AreRefusedWhenOthersCanReplaceIt) {
    set_mode(store(), 0777);
    expect_not_restored("everybody may write to " + store().string(), "chmod o-w " + store().string());
}

TEST_F(PermissionsOfACheckpoint, AreRefusedWhenALinkOfAnotherUserLeadsToIt) {
    fs::create_directory(scratch("links"));
    fs::create_symlink(zip, scratch("links") / "mine.zip");
    set_mode(scratch("links"), 01777);
    give(scratch("links") / "mine.zip", k_nobody);
    zip = scratch("links") / "mine.zip";
    expect_not_restored("user nobody owns it", "chown -h root " + zip.string());
}

TEST_F(PermissionsOfACheckpoint, DoNotKeepAnybodyFromLookingAtIt) {
    set_mode(store(), 0777);
    EXPECT_EQ(cedana({"client", "inspect", zip}).exit_code, 0);
    EXPECT_EQ(cedana({"client", "list", store()}).exit_code, 0);
}

TEST_F(PermissionsOfACheckpoint, CanBeWaivedByRoot) {
    set_mode(store(), 0777);
    be_lenient();
    const CedanaRun run = restore(zip);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(std::stoi(run.out));
}

TEST_F(Permissions, AreShownByCheckWithTheirRemedies) {
    const auto found = [this](const std::string& name) {
        const Json json = Json::parse(only_line(cedana({"check", "--json"}).out));
        for (const Json& one : json.at("requirements"))
            if (one.at("name") == name)
                return one;
        return Json();
    };
    EXPECT_EQ(found("permissions").at("standing"), "ok");
    options.environment["CEDANA_SHARED_STORAGE_DUMP_STORAGE_DIR"] = store();
    set_mode(store(), 0777);
    EXPECT_EQ(found("store").at("standing"), "fail");
    EXPECT_EQ(found("store").at("hint"), "chmod o-w " + store().string());
    set_mode(criu(), 0757);
    EXPECT_EQ(found("criu").at("standing"), "fail");
    EXPECT_EQ(found("criu").at("hint"), "chmod o-w " + criu().string());
    be_lenient();
    EXPECT_EQ(found("permissions").at("standing"), "warn");
}

// A shell that runs cedana, with its arguments, in the place of `commands`' last line.
class InAShell : public Permissions {
  protected:
    void wrap(const std::string& commands) {
        write_script(scratch("wrapped"),
                     "#!/bin/bash\n" + commands + "\nexec " + cedana_executable().string() + " \"$@\"\n");
        options.executable = scratch("wrapped");
    }
    // With a /run of its own; skips the test where that is not permitted.
    void wrap_in_own_run(const std::string& commands) {
        write_script(scratch("inner"), "#!/bin/bash\nset -e\nmount -t tmpfs tmpfs /run\n" + commands + "\nexec " +
                                           cedana_executable().string() + " \"$@\"\n");
        write_script(scratch("wrapped"), "#!/bin/bash\nexec unshare -m " + scratch("inner").string() + " \"$@\"\n");
        options.executable = scratch("wrapped");
    }
};

TEST_F(InAShell, AFolderForWorkThatIsNotRootsAloneIsRefused) {
    for (const char* commands : {"mkdir -m 0711 /run/cedana", "mkdir -m 0700 /run/cedana; chown nobody /run/cedana",
                                 "mkdir -m 0700 /run/mine; ln -s mine /run/cedana"}) {
        wrap_in_own_run(commands);
        const CedanaRun run = dump(target);
        EXPECT_EQ(run.exit_code, 4) << commands << run.err;
        EXPECT_TRUE(holds(run.err, "/run/cedana is not a folder that root alone can use"));
        EXPECT_EQ(field_of(run.err, "hint"), "remove it: rm -r /run/cedana");
    }
    EXPECT_TRUE(criu_runs("dump").empty());
}

TEST_F(InAShell, TheFolderForWorkIsMadeForRootAlone) {
    wrap_in_own_run("umask 0");
    plan("at start fail");
    write_script(scratch("hook"),
                 "#!/bin/sh\nstat -c '%a %U' /run/cedana /run/cedana/locks > " + scratch("modes").string() + "\n");
    configure({{"action_scripts", {{"pre_dump", scratch("hook")}}}});
    EXPECT_EQ(dump(target).exit_code, 6);
    EXPECT_EQ(read_file(scratch("modes")), "700 root\n700 root\n");
}

TEST_F(InAShell, CheckpointsAreForRootAloneWhateverTheUmaskIs) {
    for (const char* umask : {"umask 0000", "umask 0777"}) {
        wrap(umask);
        const CedanaRun run = dump(target);
        ASSERT_EQ(run.exit_code, 0) << run.err;
        EXPECT_EQ(mode_of(only_line(run.out)), 0600U) << umask;
    }
}

TEST_F(InAShell, MovedCheckpointsAreForRootAloneToo) {
    fs::create_directory(scratch("mount"));
    configure({{"shared_storage", {{"mount_point", scratch("mount")}}}});
    wrap("umask 0000");
    const CedanaRun run = dump(target);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(mode_of(scratch("mount") / only(names_in(scratch("mount")))), 0600U);
}

// CRIU and the hooks note what they are given.
class GivenToChildren : public InAShell {
  protected:
    void SetUp() override {
        InAShell::SetUp();
        if (IsSkipped())
            return;
        const std::string file = scratch("given");
        const std::string note = "#!/bin/bash\nenv >> " + file +
                                 "\nfind /proc/$$/fd -type l -printf 'fd %f %l\\n' >> " + file +
                                 "\ngrep 'Max core' /proc/$$/limits >> " + file + "\n";
        write_script(scratch("hook"), note);
        write_script(scratch("noting") / "criu", note + "exec -a " + criu().string() + " " + FAKE_CRIU + " \"$@\"\n");
        configure({{"action_scripts",
                    {{"pre_dump", scratch("hook")},
                     {"post_dump", scratch("hook")},
                     {"pre_restore", scratch("hook")},
                     {"post_restore", scratch("hook")}}},
                   {"criu", {{"path", scratch("noting") / "criu"}}}});
        options.environment.erase("CEDANA_CRIU_PATH");
        options.environment["LD_LIBRARY_PATH"] = "/tmp/evil";
        options.environment["LD_DEBUG_OUTPUT"] = "/tmp/evil";
        options.environment["BASH_ENV"] = "/tmp/evil";
        options.environment["GCONV_PATH"] = "/tmp/evil";
        options.environment["PATH"] = "/tmp/evil:/usr/bin:/bin";
        // As a shell leaks them: open, and not closed by exec.
        wrap("exec 9</etc/shadow 200</etc/passwd");
    }
    static void expect_clean(const std::string& noted) {
        EXPECT_FALSE(holds(noted, "/tmp/evil")) << noted;
        EXPECT_FALSE(holds(noted, "/etc/shadow"));
        EXPECT_FALSE(holds(noted, "/etc/passwd"));
        for (const std::string& line : split(noted, '\n')) {
            if (line.starts_with("PATH=")) {
                EXPECT_EQ(line, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
            }
            if (line.starts_with("Max core")) {
                EXPECT_TRUE(matches(line, "Max core file size +[01] .*")) << line;
            }
            // 255 is bash's own; 3 the lock of the work folder, which lives as long as CRIU; 4 the folder for images.
            if (line.starts_with("fd ")) {
                EXPECT_TRUE(matches(line, "fd ([012] .*|3 /run/cedana/.*/lock|4 /|5 socket:.*|255 .*)")) << line;
            }
        }
    }
    [[nodiscard]] std::string given() const { return read_file(scratch("given")); }
};

TEST_F(GivenToChildren, OfADumpIsACleanEnvironmentAndOnlyWhatIsMeantForThem) {
    ASSERT_EQ(dump(target).exit_code, 0);
    // The hooks, --version and the dump.
    const std::string noted = given();
    EXPECT_GE(std::ranges::count(noted, '\n'), 4 * 8);
    expect_clean(noted);
}

TEST_F(GivenToChildren, OfARestoreIsACleanEnvironmentAndOnlyWhatIsMeantForThem) {
    const CedanaRun run = dump(target, {"--stop"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    target.wait_end();
    fs::remove(scratch("given"));
    const CedanaRun back = restore(only_line(run.out));
    ASSERT_EQ(back.exit_code, 0) << back.err;
    const Orphan restored(std::stoi(back.out));
    expect_clean(given());
}

TEST_F(GivenToChildren, OfAnInspectedHostIsAsClean) {
    static_cast<void>(cedana({"check"}));
    expect_clean(given());
}

TEST_F(WithTarget, CedanaItselfLeavesNoCoreWhileItHoldsImages) {
    const RunningCedana running = start_dump_up_to("mid-image", target);
    EXPECT_TRUE(
        matches(read_file("/proc/" + std::to_string(running.pid()) + "/limits"), "[^]*Max core file size +[01] [^]*"));
}

} // namespace
} // namespace cedana::testing
