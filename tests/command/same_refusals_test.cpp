// SPDX-License-Identifier: Apache-2.0
// What an action refuses, its --dry-run refuses, with the same error: both run the same checks.
#include "cedana/base/files.hpp"
#include "cedana/undo/tree_lock.hpp"

#include <functional>

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <pty.h>
#include <sys/stat.h>

#include "command/command_fixture.hpp"
#include "support/damage.hpp"
#include "support/made_checkpoint.hpp"
#include "support/tmpfs.hpp"
#include "support/wait.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

// "error: …"
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

class SameRefusals : public WithFakeCriu {
  protected:
    // The last run says what is said by all.
    CedanaRun refused_by_both(std::vector<std::string> arguments, int exit_code) const {
        const CedanaRun action = cedana(arguments);
        arguments.emplace_back("--dry-run");
        CedanaRun rehearsal = cedana(arguments);
        EXPECT_EQ(action.exit_code, exit_code) << action.err;
        EXPECT_EQ(rehearsal.exit_code, exit_code) << rehearsal.out << rehearsal.err;
        EXPECT_EQ(first_line(rehearsal.err), first_line(action.err));
        EXPECT_EQ(criu_runs("dump"), dumps_);
        EXPECT_TRUE(criu_runs("restore").empty());
        return rehearsal;
    }
    void set_hook(const std::string& stage, const std::string& program) const {
        write_text(config_file(), nlohmann::json{{"action_scripts", {{stage, program}}}}.dump());
    }
    [[nodiscard]] static TreeLock locked(pid_t pid) {
        TreeLock lock(LockedFor::dump);
        lock.add({pid});
        return lock;
    }

    // Of the arrangement.
    std::vector<std::string> dumps_;
};

class SameRefusalsOfADump : public SameRefusals {
  protected:
    [[nodiscard]] std::vector<std::string> command() const {
        return {"client", "dump", "-p", target.pid_text(), "-d", store()};
    }
    CedanaRun refused(int exit_code) const {
        CedanaRun run = refused_by_both(command(), exit_code);
        EXPECT_TRUE(target.runs());
        EXPECT_TRUE(names_in(store()).empty());
        return run;
    }

    Target target{{"/bin/sleep", "infinity"}};
};

TEST_F(SameRefusalsOfADump, AnotherCedanaHasTheProcess) {
    const TreeLock lock = locked(target.pid());
    EXPECT_TRUE(holds(refused(6).err, "process " + target.pid_text() + " is being checkpointed by cedana process"));
}

TEST_F(SameRefusalsOfADump, AnotherCedanaHasAChild) {
    const Target parent({"/bin/sh", "-c",
                         "sleep infinity & echo $! >" + scratch("child.next").string() + "; mv " +
                             scratch("child.next").string() + " " + scratch("child").string() + "; wait"});
    wait_for_file(scratch("child"));
    const TreeLock lock = locked(std::stoi(read_file(scratch("child"))));
    refused_by_both({"client", "dump", "-p", parent.pid_text(), "-d", store()}, 6);
}

TEST_F(SameRefusalsOfADump, AHookIsMissing) {
    set_hook("pre_dump", scratch("missing"));
    EXPECT_TRUE(holds(refused(2).err, "action_scripts.pre_dump (" + scratch("missing").string() + ") cannot be run"));
}

TEST_F(SameRefusalsOfADump, AHookForAfterwardsIsNoProgram) {
    write_text(scratch("text"), "no program");
    set_hook("post_dump", scratch("text"));
    refused(2);
}

TEST_F(SameRefusalsOfADump, AHookHasARelativePath) {
    set_hook("pre_dump", "pre_dump.sh");
    refused(2);
}

TEST_F(SameRefusalsOfADump, TheSignalBeforeItWouldEndTheProcess) {
    options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_PRE_DUMP"] = "true";
    EXPECT_TRUE(holds(refused(2).err, "does not handle SIGUSR1"));
}

TEST_F(SameRefusalsOfADump, CriuIsMissing) {
    options.environment["CEDANA_CRIU_PATH"] = "/no/such/criu";
    refused(5);
}

TEST_F(SameRefusalsOfADump, CriuIsTooOld) {
    plan("answer Version: 3.17");
    refused(5);
}

TEST_F(SameRefusalsOfADump, TheFolderIsMissing) {
    refused_by_both({"client", "dump", "-p", target.pid_text(), "-d", scratch("none")}, 9);
}

TEST_F(SameRefusalsOfADump, TheMountPointIsMissing) {
    options.environment["CEDANA_SHARED_STORAGE_MOUNT_POINT"] = scratch("none");
    refused(9);
}

TEST_F(SameRefusalsOfADump, TheSigningKeyIsMissing) {
    options.environment["CEDANA_SECURITY_SIGNING_KEY"] = scratch("none");
    const CedanaRun run = cedana(command());
    refused(run.exit_code);
    EXPECT_NE(run.exit_code, 0);
}

TEST_F(SameRefusalsOfADump, TheProcessIsCedanasOwnAncestor) {
    refused_by_both({"client", "dump", "-p", std::to_string(::getpid()), "-d", store()}, 2);
}

class SameRefusalsOfARestore : public SameRefusals {
  protected:
    void SetUp() override {
        SameRefusals::SetUp();
        if (IsSkipped())
            return;
        make_zip();
        dumps_ = criu_runs("dump");
    }
    virtual void make_zip() { zip = checkpoint(); }
    CedanaRun refused(int exit_code, const std::vector<std::string>& more = {}) const {
        std::vector<std::string> arguments = {"client", "restore", zip};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return refused_by_both(arguments, exit_code);
    }
    // `verify` speaks of a restore without options.
    void expect_verify_says_so(int exit_code) const {
        EXPECT_EQ(cedana({"client", "verify", zip}).exit_code, exit_code);
    }
    [[nodiscard]] pid_t pid_of_checkpoint() const {
        const CedanaRun run = cedana({"client", "inspect", "--json", zip});
        return nlohmann::json::parse(run.out).at("pid");
    }

    fs::path zip;
};

TEST_F(SameRefusalsOfARestore, AnotherCedanaHasThePid) {
    const TreeLock lock = locked(pid_of_checkpoint());
    EXPECT_TRUE(holds(refused(7).err, "is being checkpointed by cedana process"));
    expect_verify_says_so(7);
}

TEST_F(SameRefusalsOfARestore, AHookIsMissing) {
    set_hook("pre_restore", scratch("missing"));
    refused(2);
    expect_verify_says_so(2);
}

TEST_F(SameRefusalsOfARestore, AHookForAfterwardsHasARelativePath) {
    set_hook("post_restore", "post.sh");
    refused(2);
    expect_verify_says_so(2);
}

TEST_F(SameRefusalsOfARestore, CriuIsMissing) {
    options.environment["CEDANA_CRIU_PATH"] = "/no/such/criu";
    refused(5);
    expect_verify_says_so(5);
}

TEST_F(SameRefusalsOfARestore, AFrameIsDamaged) {
    const UniqueFd file = open_file(zip, O_RDWR);
    // In the middle of the larger image.
    const off_t middle = static_cast<off_t>(fs::file_size(zip) / 2);
    char byte = 0;
    ASSERT_EQ(::pread(file.get(), &byte, 1, middle), 1);
    byte = static_cast<char>(byte ^ 1);
    ASSERT_EQ(::pwrite(file.get(), &byte, 1, middle), 1);
    refused(8, {"--verify"});
    expect_verify_says_so(8);
}

TEST_F(SameRefusalsOfARestore, LazyAndBesideTheOriginal) { refused(2, {"--lazy", "--new-pidns"}); }

class SameRefusalsOfAnotherCpu : public SameRefusalsOfARestore {
  protected:
    void make_zip() override {
        zip = scratch("another-cpu.zip");
        make_checkpoint(zip, {.change = [](Manifest& manifest) { manifest.host.cpu_flags.emplace_back("avx9000"); }});
    }
};

TEST_F(SameRefusalsOfAnotherCpu, WhoseInstructionsAreMissingHere) {
    const CedanaRun run = refused(5);
    EXPECT_TRUE(holds(run.err, "this CPU lacks instructions")) << run.err;
    EXPECT_TRUE(holds(run.err, "avx9000"));
    EXPECT_TRUE(holds(run.err, "--any-cpu"));
    expect_verify_says_so(5);
}

TEST_F(SameRefusalsOfAnotherCpu, AreWarningsWithAnyCpu) {
    const CedanaRun run = restore(zip, {"--any-cpu", "--dry-run"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err, "this CPU lacks avx9000"));
}

TEST_F(SameRefusalsOfAnotherCpu, AreNotLookedForByCriuWithAnyCpu) {
    // Whose images are none that the fake one knows.
    EXPECT_EQ(restore(zip, {"--any-cpu"}).exit_code, 7);
    EXPECT_TRUE(holds(only(criu_runs("restore")), "--cpu-cap=none"));
}

// The terminal of a program that had one, and what it wrote to it.
class SameRefusalsOfAnOutput : public SameRefusalsOfARestore {
  protected:
    void make_zip() override {
        int master = -1;
        int slave = -1;
        ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
        const UniqueFd ours(master);
        const UniqueFd terminal(slave);
        ChildProcess child = ChildProcess::spawn(
            {.argv = {"/bin/sleep", "infinity"}, .fds = {{slave, 0}}, .cwd = "/", .session = Session::own});
        const CedanaRun run = cedana({"client", "dump", "-p", std::to_string(child.pid()), "-d", store(), "--stop"});
        ASSERT_EQ(run.exit_code, 0) << run.err;
        child.wait();
        zip = only_line(run.out);
    }
};

TEST_F(SameRefusalsOfAnOutput, InAFolderThatIsMissing) { refused(9, {"--stdio", scratch("none") / "output"}); }

TEST_F(SameRefusalsOfAnOutput, ThatIsAFolder) { refused(9, {"--stdio", store()}); }

TEST_F(SameRefusalsOfAnOutput, ThatCanBeMadeIsNotMadeByADryRun) {
    const CedanaRun run = restore(zip, {"--stdio", scratch("output"), "--dry-run"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_FALSE(fs::exists(scratch("output")));
}

} // namespace
} // namespace cedana::testing
