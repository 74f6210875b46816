// SPDX-License-Identifier: Apache-2.0
// What led out of a tree: noted by the dump, and joined to something by the restore.
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/roles/own_stdio.hpp"

#include <csignal>

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <pty.h>
#include <sys/stat.h>

#include "command/command_fixture.hpp"
#include "support/wait.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string name_of(const UniqueFd& pipe) {
    struct ::stat info {};
    ::fstat(pipe.get(), &info);
    return "pipe:[" + std::to_string(info.st_ino) + "]";
}

class Ends : public WithFakeCriu {
  protected:
    // Of a process in a session of its own with these descriptors; it is gone afterwards.
    fs::path checkpoint_with(std::vector<std::pair<int, int>> fds) const {
        ChildProcess child = ChildProcess::spawn(
            {.argv = {"/bin/sleep", "infinity"}, .fds = std::move(fds), .cwd = "/", .session = Session::own});
        const CedanaRun run = cedana({"client", "dump", "-p", std::to_string(child.pid()), "-d", store(), "--stop"});
        EXPECT_EQ(run.exit_code, 0) << run.err;
        child.wait();
        return only_line(run.out);
    }
    fs::path with_output_pipe() const { return checkpoint_with({{pipe.write_end.get(), 1}}); }
    fs::path with_terminal() const {
        int master = -1;
        int slave = -1;
        EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
        const UniqueFd ours(master);
        const UniqueFd terminal(slave);
        return checkpoint_with({{slave, 0}});
    }
    std::string got() const { return read_file(criu_file("got")); }
    void end_restored() const { const Orphan restored(std::stoi(read_file(criu_file("child")))); }
    // Until all that a keeper copies is there, which it does on its own.
    static std::string wait_for_lines(const fs::path& file, const std::string& text) {
        wait_for_file(file);
        const auto deadline = std::chrono::steady_clock::now() + k_wait_limit;
        std::string content;
        while (content.find(text) == std::string::npos && std::chrono::steady_clock::now() < deadline)
            content = read_file(file);
        return content;
    }

    Pipe pipe = make_pipe();
};

TEST_F(Ends, GoToTheNamedFileAsItIs) {
    const fs::path zip = with_output_pipe();
    write_text(scratch("output"), "before\n");
    const CedanaRun run = restore(zip, {"--stdio", scratch("output")});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.err, "");
    const std::string name = name_of(pipe.write_end);
    EXPECT_EQ(got(), name + " written\n");
    EXPECT_TRUE(holds(only(criu_runs("restore")), "--inherit-fd fd[10]:" + name + " "));
    EXPECT_EQ(wait_for_lines(scratch("output"), "from"), "before\nfrom " + name + "\n");
    end_restored();
}

TEST_F(Ends, GoNowhereWithAWarningRatherThanToAPipeThatAwaitsTheEnd) {
    const fs::path zip = with_output_pipe();
    const CedanaRun run = restore(zip);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, read_file(criu_file("child")) + "\n");
    EXPECT_TRUE(holds(run.err, "the pipe that it writes to (descriptor 1) leads to /dev/null: give --stdio FILE"));
    EXPECT_EQ(got(), name_of(pipe.write_end) + " written\n");
    end_restored();
}

TEST_F(Ends, GoToTheOutputOfACommandInTheForeground) {
    const fs::path zip = with_output_pipe();
    plan("child-ends 0");
    const CedanaRun run = restore(zip, {"--foreground"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, "from " + name_of(pipe.write_end) + "\n");
    EXPECT_EQ(run.err, "");
}

TEST_F(Ends, OfInputAreReachedWhenNobodyWrites) {
    const fs::path zip = checkpoint_with({{pipe.read_end.get(), 0}});
    plan("child-ends 0");
    // Standard input is /dev/null here.
    const CedanaRun run = restore(zip);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(got(), name_of(pipe.read_end) + " reads \n");
}

TEST_F(Ends, OfATerminalAreANewOneWithItsOutputAmongTheLogs) {
    const fs::path zip = with_terminal();
    const fs::path output = default_output(zip);
    const CedanaRun run = restore(zip);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err, "whose output goes to " + output.string()));
    EXPECT_EQ(got(), "terminal\n");
    EXPECT_EQ(wait_for_lines(output, "terminal\n"), "on the terminal\n");
    EXPECT_EQ(names_in(store()), std::vector<std::string>{fs::path(zip).filename()});
    end_restored();
}

TEST_F(Ends, OfATerminalCanBeNamed) {
    const CedanaRun run = restore(with_terminal(), {"--stdio", scratch("output")});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.err, "");
    EXPECT_EQ(wait_for_lines(scratch("output"), "terminal\n"), "on the terminal\n");
    end_restored();
}

// CRIU's numbers of the pipes go on to where those of the terminal's role begin otherwise.
TEST_F(Ends, CanBeMoreThanAHundredPipesBesideATerminal) {
    constexpr int k_first = 20;
    constexpr int k_pipes = 110;
    int master = -1;
    int slave = -1;
    ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
    const UniqueFd ours(master);
    const UniqueFd terminal(slave);
    std::vector<Pipe> pipes;
    std::vector<std::pair<int, int>> fds = {{slave, 0}};
    for (int i = 0; i < k_pipes; ++i) {
        pipes.push_back(make_pipe());
        fds.emplace_back(pipes.back().write_end.get(), k_first + i);
    }
    const CedanaRun run = restore(checkpoint_with(std::move(fds)), {"--stdio", scratch("output")});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(wait_for_lines(scratch("output"), "terminal\n"), "on the terminal\n"));
    for (const Pipe& one : pipes)
        EXPECT_TRUE(holds(wait_for_lines(scratch("output"), name_of(one.write_end)), "from " + name_of(one.write_end)));
    EXPECT_EQ(split(trim(got()), '\n').size(), k_pipes + 1U);
    end_restored();
}

TEST_F(Ends, ThatCannotBeOpenedAreToldBeforeAnythingRuns) {
    const CedanaRun run = restore(with_terminal(), {"--stdio", scratch("none") / "output"});
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "--stdio FILE"));
    EXPECT_TRUE(criu_runs("restore").empty());
}

TEST_F(Ends, OfATerminalLeaveNothingWhenCriuFails) {
    const fs::path zip = with_terminal();
    plan("at restored fail");
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 7);
    EXPECT_FALSE(is_running(std::stoi(read_file(criu_file("child")))));
    fs::remove(field_of(run.err, "log"));
}

TEST_F(Ends, AreSaidByADryRun) {
    const CedanaRun run = restore(with_terminal(), {"--dry-run", "--json"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    const Json json = Json::parse(only_line(run.out));
    ASSERT_EQ(json.at("joins").size(), 1U);
    EXPECT_TRUE(holds(json.at("joins").at(0), "its terminal would be a new one, with its output in "));
}

using Foreground = WithFakeCriu;

TEST_F(Foreground, IsNoPlaceForJson) {
    const CedanaRun run = restore(checkpoint(), {"--foreground", "--json"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(criu_runs("restore").empty());
}

TEST_F(Foreground, EndsWithTheExitCodeOfTheProgram) {
    const fs::path zip = checkpoint();
    plan("child-ends 42");
    const CedanaRun run = restore(zip, {"--foreground"});
    EXPECT_EQ(run.exit_code, 42) << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(run.err, "");
}

TEST_F(Foreground, PassesASignalOn) {
    const fs::path zip = checkpoint();
    write_script(scratch("hook"), "#!/bin/sh\n: >" + scratch("runs").string() + "\n");
    options.environment["CEDANA_ACTION_SCRIPTS_POST_RESTORE"] = scratch("hook");
    RunningCedana running({"client", "restore", zip, "--foreground"}, options, folder());
    wait_for_file(scratch("runs"));
    running.signal(SIGTERM);
    const CedanaRun run = running.wait();
    EXPECT_EQ(run.exit_code, 128 + SIGTERM) << run.err;
    EXPECT_FALSE(is_running(std::stoi(read_file(criu_file("child")))));
}

} // namespace
} // namespace cedana::testing
