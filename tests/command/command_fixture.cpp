// SPDX-License-Identifier: Apache-2.0
#include "command/command_fixture.hpp"

#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <unistd.h>

namespace cedana::testing {

namespace fs = std::filesystem;

AnyUser::AnyUser() {
    fs::create_directories(home());
    options.home = home();
}

CedanaRun AnyUser::cedana_on_terminal(const std::string& line, const std::string& keys) const {
    RunOptions shell = options;
    shell.executable = "/bin/sh";
    return run_cedana(
        {"-c", "printf '" + keys + "' | script -qec '" + cedana_executable().string() + " " + line + "' /dev/null"},
        shell);
}

WithFakeCriu::WithFakeCriu() {
    fs::create_directories(store());
    fs::copy_file(FAKE_CRIU, criu());
    plan("");
    options.environment["CEDANA_CRIU_PATH"] = criu();
    adopt_orphans();
}

void WithFakeCriu::SetUp() {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root: only root can dump and restore";
}

fs::path WithFakeCriu::criu_file(const std::string& suffix) const { return criu().string() + "." + suffix; }

void WithFakeCriu::plan(const std::string& lines) const { write_text(criu_file("plan"), k_images + lines + "\n"); }

std::vector<std::string> WithFakeCriu::criu_runs(const std::string& command) const {
    std::vector<std::string> runs;
    if (!fs::exists(criu_file("argv")))
        return runs;
    for (const std::string& line : split(read_file(criu_file("argv")), '\n'))
        if (line.starts_with(command + " ") || (command == "dump" && line.starts_with("swrk ")))
            runs.push_back(line);
    return runs;
}

CedanaRun WithFakeCriu::dump(const Target& target, const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"client", "dump", "-p", target.pid_text(), "-d", store()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return cedana(arguments);
}

CedanaRun WithFakeCriu::restore(const fs::path& zip, const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"client", "restore", zip};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return cedana(arguments);
}

fs::path WithFakeCriu::checkpoint() const {
    Target target({"/bin/sleep", "infinity"});
    const CedanaRun run = dump(target, {"--stop"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    target.wait_end();
    return only_line(run.out);
}

RunningCedana WithFakeCriu::start_dump_up_to(const std::string& stage, const Target& target) const {
    plan("at " + stage + " stay");
    RunningCedana running({"client", "dump", "-p", target.pid_text(), "-d", store()}, options, folder());
    wait_for_file(criu_file("at-" + stage));
    return running;
}

std::string field_of(const std::string& error, const std::string& field) {
    for (const std::string& line : split(error, '\n'))
        if (const std::string_view text = trim(line); text.starts_with(field + ":"))
            return std::string(trim(text.substr(field.size() + 1)));
    return {};
}

} // namespace cedana::testing
