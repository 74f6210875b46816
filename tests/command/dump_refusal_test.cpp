// SPDX-License-Identifier: Apache-2.0
// Dumps that are refused before CRIU is started on the target.
#include <unistd.h>

#include "command/command_fixture.hpp"
#include "support/tmpfs.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

// Every test here ends with the target as it was.
class RefusedDump : public WithTarget {
  protected:
    void TearDown() override {
        EXPECT_TRUE(IsSkipped() || target.runs());
        EXPECT_TRUE(criu_runs("dump").empty());
        EXPECT_TRUE(names_in(store()).empty());
    }

    CedanaRun dump_to(const fs::path& folder) const {
        return cedana({"client", "dump", "-p", target.pid_text(), "-d", folder});
    }
};

TEST_F(RefusedDump, IsExit2WhenNoProcessIsGiven) {
    const CedanaRun run = cedana({"client", "dump", "-d", store()});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "client.process_name"));
}

TEST_F(RefusedDump, IsExit9WhenTheFolderIsMissing) {
    const CedanaRun run = dump_to(scratch("missing"));
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, scratch("missing").string() + " does not exist"));
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "mkdir -p"));
    EXPECT_FALSE(fs::exists(scratch("missing")));
}

TEST_F(RefusedDump, IsExit9WhenTheFolderIsAFile) {
    write_text(scratch("file"), "content");
    const CedanaRun run = dump_to(scratch("file"));
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_TRUE(holds(run.err, "is not a folder"));
}

TEST_F(RefusedDump, IsExit9WhenTheMountPointIsMissing) {
    options.environment["CEDANA_SHARED_STORAGE_MOUNT_POINT"] = scratch("unmounted");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_TRUE(holds(run.err, "shared_storage.mount_point"));
    EXPECT_FALSE(fs::exists(criu_file("argv")));
}

TEST_F(RefusedDump, IsExit3WhenThereIsNoSuchProcess) {
    Target ended({"/bin/sleep", "infinity"});
    ended.end();
    const CedanaRun run = dump(ended);
    EXPECT_EQ(run.exit_code, 3);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "no process has pid " + ended.pid_text()));
}

TEST_F(RefusedDump, IsExit3WhenNoProcessHasTheName) {
    const CedanaRun run = cedana({"client", "dump", "-n", "qzxjkvwpfhgq", "-d", store()});
    EXPECT_EQ(run.exit_code, 3);
    EXPECT_TRUE(holds(run.err, "no process is called 'qzxjkvwpfhgq'"));
}

TEST_F(RefusedDump, IsExit3WhenTwoProcessesHaveTheNameAndNamesBoth) {
    const auto argv = sleeper_at(scratch("twofold-tapir"));
    const Target one(argv);
    const Target other(argv);
    const CedanaRun run = cedana({"client", "dump", "-n", "twofold-tapir", "-d", store()});
    EXPECT_EQ(run.exit_code, 3);
    EXPECT_TRUE(holds(run.err, "process " + one.pid_text() + " "));
    EXPECT_TRUE(holds(run.err, "process " + other.pid_text() + " "));
    EXPECT_TRUE(one.runs() && other.runs());
}

TEST_F(RefusedDump, IsExit2WhenCedanaRunsUnderTheTarget) {
    const CedanaRun run = cedana({"client", "dump", "-p", std::to_string(::getpid()), "-d", store()});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "cedana itself runs under"));
}

TEST_F(RefusedDump, IsExit4WhenTheUserIsNotRoot) {
    // The build may lie where only root can go.
    options.executable = scratch("cedana");
    fs::copy_file(cedana_executable(), *options.executable);
    options.user = {k_nobody, k_nobody};
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 4);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "only root can dump processes"));
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "sudo"));
}

TEST_F(RefusedDump, IsExit5WhenCriuIsMissing) {
    options.environment["CEDANA_CRIU_PATH"] = scratch("no-criu");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 5);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, scratch("no-criu").string()));
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "install-criu"));
}

TEST_F(RefusedDump, IsExit5WhenCriuIsNowhereInThePath) {
    options.environment["CEDANA_CRIU_PATH"] = "no-such-criu";
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 5);
    EXPECT_TRUE(holds(run.err, "no-such-criu is not installed"));
}

TEST_F(RefusedDump, IsExit5WhenCriuIsTooOld) {
    plan("answer Version: 3.17.1");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 5);
    EXPECT_TRUE(holds(run.err, "3.17.1"));
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "install-criu"));
}

TEST_F(RefusedDump, IsExit5WhenCriuDoesNotAnswerAsCriuDoes) {
    plan("answer hello");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 5);
    EXPECT_TRUE(holds(run.err, "does not answer as CRIU does"));
}

TEST_F(RefusedDump, IsExit5WhenCriuCannotBeExecuted) {
    write_script(scratch("broken"), "#!/nonexistent/interpreter\n");
    options.environment["CEDANA_CRIU_PATH"] = scratch("broken");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 5);
    EXPECT_TRUE(holds(run.err, "cannot execute " + scratch("broken").string()));
}

class DumpIntoASmallFileSystem : public RefusedDump {
  protected:
    void SetUp() override {
        RefusedDump::SetUp();
        if (IsSkipped())
            return;
        constexpr std::uint64_t k_bytes = 16UL * 1024;
        if (!small_.mount(scratch("small"), k_bytes))
            GTEST_SKIP() << "needs to mount a file system, which is not permitted here";
    }

  private:
    Tmpfs small_;
};

TEST_F(DumpIntoASmallFileSystem, IsExit9BeforeTheTargetIsTouched) {
    const CedanaRun run = dump_to(scratch("small"));
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, "not enough room"));
    EXPECT_TRUE(names_in(scratch("small")).empty());
}

} // namespace
} // namespace cedana::testing
