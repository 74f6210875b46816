// SPDX-License-Identifier: Apache-2.0
// Real processes, the real CRIU, root: what every system test begins and ends with. Each test is a process of its own
// and adopts orphans, so whatever cedana restores or leaves behind is its child: it can look at it, and ends it.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/criu/adopted.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/assertions.hpp"
#include "support/cedana_run.hpp"
#include "support/kept_folder.hpp"
#include "support/target.hpp"

namespace cedana::testing {

// A program of tests/programs.
[[nodiscard]] std::string target_program(const std::string& name);
// A file beside the tests' sources.
[[nodiscard]] std::string script(const std::string& name);

// Skips the test, or fails it where CI is set: there all that tests need is installed.
void cannot_run(const std::string& reason);
// As cannot_run() if the program is missing.
void require_program(const std::string& path, const std::string& package);

// As children_of() tells.
[[nodiscard]] std::vector<pid_t> own_children();
// Throws Error where it is not one.
[[nodiscard]] pid_t only_child_of(pid_t pid);
// Whether a cedana has a control group of its own in this hierarchy.
[[nodiscard]] bool has_group_of(const std::filesystem::path& hierarchy, pid_t cedana);
// Waits until every child but `kept` has ended, and reaps it. Throws Error after a while.
void reap_all_but(pid_t kept);
void reap_all();

class System : public ::testing::Test {
  protected:
    System();
    void SetUp() override;
    void TearDown() override;

    [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
    [[nodiscard]] std::filesystem::path store() const { return folder() / "store"; }
    [[nodiscard]] std::filesystem::path scratch(const std::string& name) const { return folder() / name; }

    // `client dump -p PID -d store()` and `more`.
    [[nodiscard]] std::vector<std::string> dump_arguments(pid_t pid, const std::vector<std::string>& more = {}) const;
    CedanaRun dump(pid_t pid, const std::vector<std::string>& more = {}) const;
    // Expects that it works and that the tree has ended; nothing of it is left. The checkpoint.
    std::filesystem::path dump_and_stop(Target& target) const;
    std::filesystem::path dump_and_stop(ChildProcess& child) const;
    CedanaRun restore(const std::filesystem::path& zip) const;
    // Expects that it works and gives this pid back.
    void restore_as(pid_t pid, const std::filesystem::path& zip) const;

    RunOptions options;

  private:
    KeptFolder folder_;
    criu::Subreaper orphans_;
};

} // namespace cedana::testing
