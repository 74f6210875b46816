// SPDX-License-Identifier: Apache-2.0
#include "system/system_fixture.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/environment.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include <sys/wait.h>
#include <unistd.h>

#include "support/wait.hpp"

namespace cedana::testing {

namespace fs = std::filesystem;

namespace {

// Why system tests cannot work here; empty if they can.
std::string obstacle() {
    if (::geteuid() != 0)
        return "needs root: only root can dump and restore";
    try {
        const auto failed = criu::failed_check(criu::find_program("criu"));
        return failed ? "CRIU does not work here: " + *failed : "";
    } catch (const Error& error) {
        return error.message();
    }
}

} // namespace

std::string target_program(const std::string& name) { return fs::path(TARGET_PROGRAMS) / name; }

std::string script(const std::string& name) { return fs::path(SYSTEM_TESTS_SOURCE) / name; }

void cannot_run(const std::string& reason) {
    if (std::getenv("CI") != nullptr)
        FAIL() << reason;
    GTEST_SKIP() << reason;
}

void require_program(const std::string& path, const std::string& package) {
    if (::access(path.c_str(), X_OK) != 0)
        cannot_run("there is no " + path + ": apt-get install " + package);
}

pid_t only_child_of(pid_t pid) {
    const std::vector<pid_t> children = children_of(pid);
    if (children.size() != 1)
        throw Error(Fault::internal, "process " + std::to_string(pid) + " has " + std::to_string(children.size()) +
                                         " children in place of one");
    return children.front();
}

bool has_group_of(const fs::path& hierarchy, pid_t cedana) {
    const std::string prefix = "cedana-criu." + std::to_string(cedana) + ".";
    std::error_code ignored;
    const std::vector<fs::path> groups = entries_of(hierarchy, ignored);
    return std::ranges::any_of(groups,
                               [&](const fs::path& group) { return group.filename().string().starts_with(prefix); });
}

std::vector<pid_t> own_children() { return children_of(::getpid()); }

void reap_all_but(pid_t kept) {
    // What ends may leave orphans of its own to this process.
    for (bool found = true; found;) {
        found = false;
        for (const pid_t pid : own_children()) {
            if (pid == kept)
                continue;
            found = true;
            if (const auto pidfd = open_pidfd(pid))
                wait_for_end(*pidfd);
            ::waitpid(pid, nullptr, 0);
        }
    }
}

void reap_all() { reap_all_but(-1); }

System::System() {
    fs::create_directories(store());
    options.home = scratch("home");
    fs::create_directories(options.home);
}

void System::SetUp() {
    if (const std::string reason = obstacle(); !reason.empty())
        cannot_run(reason);
}

void System::TearDown() { orphans_.kill_all(); }

std::vector<std::string> System::dump_arguments(pid_t pid, const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"client", "dump", "-p", std::to_string(pid), "-d", store()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

CedanaRun System::dump(pid_t pid, const std::vector<std::string>& more) const {
    return run_cedana(dump_arguments(pid, more), options);
}

fs::path System::dump_and_stop(Target& target) const {
    const CedanaRun run = dump(target.pid(), {"--stop"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(target.wait_end().signal(), SIGKILL);
    reap_all();
    return only_line(run.out);
}

fs::path System::dump_and_stop(ChildProcess& child) const {
    const CedanaRun run = dump(child.pid(), {"--stop"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(child.wait().signal(), SIGKILL);
    reap_all();
    return only_line(run.out);
}

CedanaRun System::restore(const fs::path& zip) const { return run_cedana({"client", "restore", zip}, options); }

void System::restore_as(pid_t pid, const fs::path& zip) const {
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, std::to_string(pid) + "\n");
    EXPECT_TRUE(is_running(pid));
}

} // namespace cedana::testing
