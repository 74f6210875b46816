// SPDX-License-Identifier: Apache-2.0
// What a job runs, and as whom: all that is needed to start it.
#pragma once

#include "cedana/model/caller.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sys/types.h>

namespace cedana::job {

// The soft limits that it is started with: those that whoever started the job had.
struct StartLimits {
    std::uint64_t descriptors = 0;
    std::uint64_t core = 0;
    std::uint64_t file_size = 0;
    friend bool operator==(const StartLimits&, const StartLimits&) = default;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(StartLimits, descriptors, core, file_size)
};

struct Program {
    // What the tree is called (prctl(2), PR_SET_NAME).
    std::string name = {};
    std::vector<std::string> argv = {};
    std::string cwd = {};
    // "NAME=value"
    std::vector<std::string> env = {};
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups = {};
    StartLimits limits = {};
    // Which of its standard descriptors are the terminal of the space; where input is none, no other one is.
    std::array<bool, 3> on_terminal = {};
    friend bool operator==(const Program&, const Program&) = default;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(Program, name, argv, cwd, env, uid, gid, groups, limits, on_terminal)
};

struct ProgramWish {
    std::vector<std::string> argv = {};
    // As whom it runs; empty: as whoever calls.
    std::string user = {};
    // "NAME=value", beside and in place of what is there.
    std::vector<std::string> env = {};
};

// That command line in this folder, with the environment and the limits of this process. Behind sudo it runs as the
// user, with their groups and home; what sudo tells is left out. Throws Error(Fault::permission) where the caller may
// not run anything as that user, Error(Fault::environment) where CRIU could not dump what they run,
// Error(Fault::usage).
[[nodiscard]] Program program_for(const Caller& caller, const ProgramWish& wish);

// Throws Error(Fault::environment) where CRIU could not dump what that user runs.
void require_dumpable_user(uid_t uid, const std::string& name);

// That of this process, with what is the caller's own in place of what sudo has made of it.
[[nodiscard]] std::vector<std::string> environment_of(const Caller& caller);

// How it ended; one of the two.
struct ProgramEnd {
    int code = 0;
    int signal = 0;
    friend bool operator==(const ProgramEnd&, const ProgramEnd&) = default;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(ProgramEnd, code, signal)

    // As a shell tells it.
    [[nodiscard]] int shell_code() const noexcept { return signal == 0 ? code : 128 + signal; }
    [[nodiscard]] bool success() const noexcept { return code == 0 && signal == 0; }
};

} // namespace cedana::job
