// SPDX-License-Identifier: Apache-2.0
// Processes for cedana to work on, and what it brought back.
#pragma once

#include "cedana/base/child_process.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana::testing {

// A program in a session of its own with descriptors 0, 1 and 2 alone, on /dev/null or on `output`: what a
// service looks like. Killed and reaped on destruction.
class Target {
  public:
    explicit Target(std::vector<std::string> argv, const std::filesystem::path& output = "/dev/null");
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;
    ~Target();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] std::string pid_text() const { return std::to_string(pid_); }
    // Neither ended nor stopped.
    [[nodiscard]] bool runs() const;
    // Reaps it, so that its pid is free. Throws Error when it does not end within the limit of wait.hpp.
    ExitStatus wait_end();
    // SIGKILL and reap.
    void end();

  private:
    ChildProcess child_;
    pid_t pid_;
};

// Copies a program that sleeps for ever to `path`, since a process is named after its executable; its argv.
[[nodiscard]] std::vector<std::string> sleeper_at(const std::filesystem::path& path);

// An orphaned process, such as a restore leaves. This process must adopt orphans (adopt_orphans()) before it becomes
// one. Killed and reaped on destruction.
class Orphan {
  public:
    explicit Orphan(pid_t pid) : pid_(pid) {}
    Orphan(const Orphan&) = delete;
    Orphan& operator=(const Orphan&) = delete;
    ~Orphan();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  private:
    pid_t pid_;
};

// From now on orphaned descendants become children of this process.
void adopt_orphans();

} // namespace cedana::testing
