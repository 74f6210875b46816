// SPDX-License-Identifier: Apache-2.0
// What is written down of a job, in its folder of the store: who it is (job.json), where it stands (state.json) and
// what has happened (history.jsonl). Of each file the new content replaces the old at once.
#pragma once

#include "cedana/job/program.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace cedana::job {

inline constexpr const char* k_job_file = "job.json";
inline constexpr const char* k_state_file = "state.json";
inline constexpr const char* k_history_file = "history.jsonl";
// Where a dump puts a checkpoint before it is known that the lease is still held.
inline constexpr const char* k_staging = "staging";
inline constexpr const char* k_orders = "commands";

// Which command it is. A job goes on with this command alone: job.json is what root will run.
struct JobRecord {
    std::string name = {};
    std::vector<std::string> argv = {};
    std::string cwd = {};
    std::string user = {};
    uid_t uid = 0;
    // Of its environment the names alone.
    std::vector<std::string> environment = {};
    std::string created = {};
    // Its pids are those of the host (space.hpp).
    bool has_host_pids = false;
    // Of a command or a folder that is no UTF-8, which JSON cannot hold: what tells it from others; else empty.
    std::string digest = {};
    friend bool operator==(const JobRecord&, const JobRecord&) = default;

    // It is the same command, of the same user in the same folder.
    [[nodiscard]] bool is_command_of(const JobRecord& other) const {
        return uid == other.uid && digest == other.digest &&
               (!digest.empty() || (argv == other.argv && cwd == other.cwd));
    }
};

// Empty for what JSON holds.
[[nodiscard]] std::string digest_of_command(const std::vector<std::string>& argv, const std::string& cwd);

void to_json(nlohmann::json& json, const JobRecord& record);
void from_json(const nlohmann::json& json, JobRecord& record);

// starting, restoring: the program is not there yet. last: it is checkpointed to be ended. backoff: it has ended and
// will be brought back. The others are ends: done: it exited with 0; ended: with another code, or by a signal, and is
// not to be brought back; checkpointed: by a signal or a notice, stopped: by `client stop`; both go on with the next
// run; failed: it ended too often.
enum class Phase { starting, restoring, running, last, backoff, done, ended, checkpointed, stopped, failed };
[[nodiscard]] std::string_view name_of(Phase phase);
[[nodiscard]] std::optional<Phase> phase_of(std::string_view name);
// A supervisor is at work on it, unless that was killed.
[[nodiscard]] bool is_active(Phase phase);

// Of one checkpoint of the job.
struct JobCheckpoint {
    // In the job's folder.
    std::string file = {};
    // From which the job came when this was made: restored from it, or made before it in the same run; empty: none.
    std::string parent = {};
    int epoch = 0;
    // The pid of the program in its space.
    pid_t program = 0;
    std::string created = {};
    std::uint64_t bytes = 0;
    double seconds = 0;
    double frozen_seconds = 0;
    // How often it was restored and the job ended soon after that, or was not there at all.
    int tries = 0;
    bool damaged = false;
    friend bool operator==(const JobCheckpoint&, const JobCheckpoint&) = default;
};
void to_json(nlohmann::json& json, const JobCheckpoint& checkpoint);
void from_json(const nlohmann::json& json, JobCheckpoint& checkpoint);

struct JobState {
    Phase phase = Phase::starting;
    std::string since = {};
    std::string host = {};
    // The supervisor's, and the program's as it is seen from there; 0: none.
    pid_t supervisor = 0;
    pid_t pid = 0;
    // The program's in its space, and that space's first process.
    pid_t program = 0;
    pid_t init = 0;
    int epoch = 0;
    // Newest first, each the parent of the one before it.
    std::vector<JobCheckpoint> chain = {};
    // Which the program that runs came from; empty: it was started.
    std::string restored_from = {};
    // What its next checkpoint comes from: that, or the one that was made since.
    std::string parent = {};
    // Since the last checkpoint.
    int restarts = 0;
    std::int64_t restarts_in_all = 0;
    std::int64_t checkpoints_in_all = 0;
    std::int64_t failed_checkpoints = 0;
    std::int64_t restores_in_all = 0;
    std::int64_t failed_restores = 0;
    // In a row.
    int failures = 0;
    std::string last_attempt = {};
    std::string last_failure = {};
    std::string next = {};
    // Of the program, when it ended last.
    std::optional<ProgramEnd> end = std::nullopt;
    friend bool operator==(const JobState&, const JobState&) = default;
};
void to_json(nlohmann::json& json, const JobState& state);
void from_json(const nlohmann::json& json, JobState& state);

// Absent if there is none. Throw Error(Fault::storage), Error(Fault::checkpoint) for what is damaged, and
// Error(Fault::environment) for what only a newer cedana understands.
[[nodiscard]] std::optional<JobRecord> read_record(const std::filesystem::path& folder);
[[nodiscard]] std::optional<JobState> read_state(const std::filesystem::path& folder);
void write_record(const std::filesystem::path& folder, const JobRecord& record);
void write_state(const std::filesystem::path& folder, const JobState& state);

// What has happened, oldest first (of a long one the end, 16 MiB), and how many lines of it cannot be understood.
// Throws Error(Fault::storage).
struct History {
    std::vector<nlohmann::ordered_json> events = {};
    std::size_t damaged = 0;
};
[[nodiscard]] History read_history(const std::filesystem::path& folder);
// A line of the history: the time, what happened, and what belongs to that. Throws Error(Fault::storage).
void append_history(const std::filesystem::path& folder, std::string_view event, const nlohmann::ordered_json& more);

} // namespace cedana::job
