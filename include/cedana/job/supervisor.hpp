// SPDX-License-Identifier: Apache-2.0
// `cedana client run`: starts a program or goes on from its newest good checkpoint, makes checkpoints, brings it back
// when it has ended by accident, and ends with a checkpoint when it is to go. One thread, one loop; what may take long
// is done by others (task.hpp, space.hpp, the role `copier`).
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/job/books.hpp"
#include "cedana/job/course.hpp"
#include "cedana/job/program.hpp"
#include "cedana/job/state.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/model/loaded_config.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace cedana::job {

// exits: the supervisor ends. stays: it sleeps until it is killed (Slurm takes an early end for the end of the job).
enum class AfterCheckpoint { exits, stays };

// What a dump or a restore says meanwhile: its progress (phase, bytes, total, seconds, frozen) or a message; null once
// it has ended.
using Hear = std::function<void(const nlohmann::ordered_json& said)>;

inline constexpr int k_runs_elsewhere = 75;

struct RunRequest {
    // The folder of the job, and its name.
    std::filesystem::path folder = {};
    std::string name = {};
    // Who starts it, and what; without arguments it only goes on.
    JobRecord record = {};
    Program program = {};
    CourseRules course = {};
    // Between periodic checkpoints; absent: none. By `percent` of the time if that is set.
    std::optional<std::chrono::milliseconds> interval = std::nullopt;
    std::optional<double> percent = std::nullopt;
    std::set<int> stop_signals = {};
    // From such a signal until the program must have ended; zero: there is none.
    std::chrono::milliseconds deadline{};
    int checkpointed_code = 85;
    AfterCheckpoint after = AfterCheckpoint::exits;
    std::chrono::milliseconds lease{60'000};
    std::size_t keep = 3;
    bool keep_done = false;
    // A job that has pids of its own is not gone on with; a new one has what its record says.
    bool wants_host_pids = false;
    // One that is done is not started anew.
    bool once = false;
    // It ends as by a stop signal after each periodic checkpoint.
    bool exit_each = false;
    // Commands of the caller's (callers_command.hpp); empty: none.
    std::string notice = {};
    std::string on_failure = {};
    // Where what the program prints goes; invalid: to where this process prints.
    UniqueFd output = {};
    const LoadedConfig& config;
    const Keyring& keyring;
    Tell tell;
    Hear hear;
};

struct RunOutcome {
    int exit_code = 0;
    // It is the program's; else cedana's.
    bool is_programs = false;
};

// Throws Error if the program never ran for a reason of this host or of what was asked for, HeldElsewhere.
[[nodiscard]] RunOutcome run(const RunRequest& request, const Interrupt& interrupt);

// Of a job on this host: its socket, and what cedana has in its space.
[[nodiscard]] std::filesystem::path place_of(const std::filesystem::path& folder);

} // namespace cedana::job
