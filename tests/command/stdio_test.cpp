// SPDX-License-Identifier: Apache-2.0
// Standard output that takes nothing, and standard descriptors that are closed: what was done was done all the same.
#include "cedana/base/files.hpp"

#include <csignal>

#include <nlohmann/json.hpp>

#include "command/command_fixture.hpp"
#include "support/synthetic_checkpoint.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_full = "exec \"$0\" \"$@\" >/dev/full";
constexpr const char* k_closed = "exec \"$0\" \"$@\" >&-";
constexpr const char* k_all_closed = "exec \"$0\" \"$@\" <&- >&- 2>&-";

CedanaRun run_by_shell(const std::string& script, std::vector<std::string> arguments, RunOptions options) {
    options.executable = "/bin/sh";
    arguments.insert(arguments.begin(), {"-c", script, cedana_executable()});
    return run_cedana(std::move(arguments), options);
}

class Stdio : public WithTarget {
  protected:
    CedanaRun by_shell(const std::string& script, std::vector<std::string> arguments) const {
        return run_by_shell(script, std::move(arguments), options);
    }
    [[nodiscard]] std::vector<std::string> dump_words(const std::vector<std::string>& more = {}) const {
        std::vector<std::string> words = {"client", "dump", "-p", target.pid_text(), "-d", store()};
        words.insert(words.end(), more.begin(), more.end());
        return words;
    }
    // A pipe that nobody reads any more, for stdout.
    [[nodiscard]] std::string without_reader() const {
        return "mkfifo " + scratch("fifo").string() + "; exec 3<>" + scratch("fifo").string() + " 4>" +
               scratch("fifo").string() + " 3<&-; exec \"$0\" \"$@\" >&4 4>&-";
    }
    [[nodiscard]] std::string only_checkpoint() const { return (store() / only(names_in(store()))).string(); }
};

TEST_F(Stdio, ThatIsFullLosesNoCheckpoint) {
    const CedanaRun run = by_shell(k_full, dump_words());
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_TRUE(holds(run.err, "No space left on device; the result: " + only_checkpoint() + "\n"));
}

TEST_F(Stdio, ThatIsClosedLosesNoCheckpoint) {
    const CedanaRun run = by_shell(k_closed, dump_words({"--stop"}));
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_TRUE(holds(run.err, "Bad file descriptor; the result: " + only_checkpoint() + "\n"));
}

TEST_F(Stdio, ThatNobodyReadsLosesNoCheckpoint) {
    const CedanaRun run = by_shell(without_reader(), dump_words());
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_TRUE(holds(run.err, "nobody reads standard output; the result: " + only_checkpoint() + "\n"));
}

TEST_F(Stdio, ThatIsFullLosesNoJson) {
    const CedanaRun run = by_shell(k_full, dump_words({"--json"}));
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_TRUE(holds(run.err, "the result: {\"checkpoint\":\"" + only_checkpoint() + "\""));
}

TEST_F(Stdio, ThatIsFullLosesNoPidOfARestore) {
    const std::string zip = checkpoint();
    const CedanaRun run = by_shell(k_full, {"client", "restore", zip});
    const Orphan restored(std::stoi(read_file(criu_file("child"))));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err, "the result: " + std::to_string(restored.pid()) + "\n"));
}

TEST_F(Stdio, ThatIsFullStopsNoPruning) {
    fs::create_directories(store());
    for (const char* name : {"a.zip", "b.zip", "c.zip"})
        write_checkpoint(store() / name, plausible_manifest("redis", 42, "2026-11-22T10:00:00Z"));
    const CedanaRun run = by_shell(k_full, {"client", "prune", store(), "--keep-last", "1"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(names_in(store(), ".zip").size(), 1U);
    EXPECT_TRUE(holds(run.err, "removed"));
}

TEST_F(Stdio, ThatIsFullFailsWhatOnlyLooks) {
    const CedanaRun run = by_shell(k_full, {"client", "find", "sleep"});
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_TRUE(holds(run.err, "cannot write to standard output: No space left on device"));
}

TEST_F(Stdio, ThatNobodyReadsEndsWhatOnlyLooksAsSigpipeDoes) {
    const CedanaRun run = by_shell(without_reader(), {"client", "find", "sleep"});
    EXPECT_EQ(run.exit_code, 128 + SIGPIPE);
    EXPECT_EQ(run.err, "");
}

// Whoever opened a file first would get its number, and messages would be written into it.
TEST_F(Stdio, ThatIsClosedIsNoFileOfADump) {
    EXPECT_EQ(by_shell(k_all_closed, dump_words({"-v"})).exit_code, 0);
    EXPECT_EQ(cedana({"client", "inspect", only_checkpoint()}).exit_code, 0);
    EXPECT_EQ(by_shell(k_all_closed, {"client", "verify", only_checkpoint()}).exit_code, 9);
}

TEST_F(Stdio, ThatIsClosedIsNoFileOfARestore) {
    const std::string zip = checkpoint();
    EXPECT_EQ(by_shell(k_all_closed, {"-v", "client", "restore", zip}).exit_code, 0);
    const Orphan restored(std::stoi(read_file(criu_file("child"))));
    EXPECT_EQ(read_file(criu_file("got")).find("debug"), std::string::npos);
}

struct CommandRow {
    std::string name;
    std::vector<std::string> words;
};

class ClosedStdio : public AnyUser, public ::testing::WithParamInterface<CommandRow> {};

INSTANTIATE_TEST_SUITE_P(Of, ClosedStdio,
                         ::testing::Values(CommandRow{"Find", {"client", "find", "sleep"}},
                                           CommandRow{"List", {"client", "list", "/tmp", "--json"}},
                                           CommandRow{"Show", {"config", "show"}},
                                           CommandRow{"Path", {"config", "path"}}, CommandRow{"Check", {"check"}},
                                           CommandRow{"Completion", {"completion", "bash"}},
                                           CommandRow{"Version", {"--version"}}, CommandRow{"Help", {"--help"}},
                                           CommandRow{"Role", {"--role", "guard"}},
                                           CommandRow{"Nothing", {"client", "inspect", "/absent"}}),
                         [](const auto& row) { return row.param.name; });

// Of every file that a command makes or changes in its home, none holds what was to be printed.
TEST_P(ClosedStdio, IsNoFileOfACommand) {
    const CedanaRun run = run_by_shell(k_all_closed, GetParam().words, options);
    EXPECT_GT(run.exit_code, 0);
    std::error_code ignored;
    for (const auto& file : fs::recursive_directory_iterator(home(), ignored))
        if (file.is_regular_file()) {
            EXPECT_EQ(read_file(file.path()).find("error:"), std::string::npos) << file.path();
        }
}

// The shell's limit is in blocks of 512 bytes.
TEST_F(Stdio, ACheckpointThatMayNotGrowIsAnError) {
    const CedanaRun run = by_shell("ulimit -f 1; exec \"$0\" \"$@\"", dump_words());
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_TRUE(holds(run.err, "File too large"));
    EXPECT_TRUE(target.runs());
}

} // namespace
} // namespace cedana::testing
