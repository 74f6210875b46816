// SPDX-License-Identifier: Apache-2.0
// A job's folder while its lease is held: what is written down, and its checkpoints. Nothing is written once another
// one holds the lease.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/warned.hpp"
#include "cedana/job/course.hpp"
#include "cedana/job/lease.hpp"
#include "cedana/job/state.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/model/loaded_config.hpp"

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <sys/types.h>

namespace cedana::job {

// Thrown when another one holds it.
struct LeaseLost {};

// Called with every line of the history.
using Tell = std::function<void(std::string_view event, const nlohmann::ordered_json& more, const JobState& state)>;

// Makes it, with what is in it, 0700. Throws Error(Fault::storage).
void make_job_folder(const std::filesystem::path& folder);
// Removes one in which no job was begun.
void drop_empty_job_folder(const std::filesystem::path& folder) noexcept;

class Books {
  public:
    // Takes up what a dump has left that its supervisor did not live to see. Where state.json is missing or damaged,
    // or the checkpoints that it names are gone, those that lie in the folder count. Throws Error, LeaseLost.
    Books(std::filesystem::path folder, std::string name, Lease& lease, const Keyring& keyring, Tell tell);

    [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }
    [[nodiscard]] std::filesystem::path staging() const { return folder_ / k_staging; }
    [[nodiscard]] JobState& state() noexcept { return state_; }
    [[nodiscard]] const JobState& state() const noexcept { return state_; }
    [[nodiscard]] const Lease& lease() const noexcept { return lease_; }

    // All throw LeaseLost. Where the store cannot be written to they throw Error before the program runs for the first
    // time, and after that only warn, as long as the lease is sure: it is more than what is noted of it.
    void enter(Phase phase, nlohmann::ordered_json more = nlohmann::ordered_json::object());
    void note(std::string_view event, nlohmann::ordered_json more = nlohmann::ordered_json::object());
    void save();

    // The program that runs came from that; empty: it was started.
    void came_from(const std::string& file);

    // The checkpoint that the program came from counts as one that comes back.
    void clear_tries();
    // Gives a checkpoint in the staging folder its name and its place in the chain; `facts`: what the dump printed.
    // Throws Error where the chain cannot be noted, as take_up() does.
    void publish(const std::filesystem::path& staged, const nlohmann::json& facts, std::size_t keep);
    // Gives those in the staging folder their names that the last holder of the lease, or this one, made and could give
    // none; removes others. True if there was one.
    bool take_up();
    // Its folder was removed: it is made anew on the file system where it was, with what is known of the job and the
    // lease. Throws Error, LeaseLost if another one has made it.
    void make_folder_anew(const JobRecord& record, const LoadedConfig& config);
    // What a file server or a hand has removed of the chain is there no more; the history tells of it.
    void drop_gone();
    // There were checkpoints, and none of them is left.
    [[nodiscard]] bool has_lost_all() const noexcept { return state_.chain.empty() && !state_.parent.empty(); }
    // All of the chain, unless that cannot be noted. The history stays.
    void remove_checkpoints();

    // The pids that are in a checkpoint. Throws Error(Fault::checkpoint) if it is damaged.
    [[nodiscard]] std::set<pid_t> numbers_in(const std::string& file) const;
    // The tree in it had the terminal of its space. Throws as numbers_in().
    [[nodiscard]] bool had_terminal(const std::string& file) const;

  private:
    void make_anew(const std::string& why);
    void require_lease();
    void write();
    [[nodiscard]] bool is_lease_sure();
    void bear(const Error& error);
    void add(const std::filesystem::path& staged, JobCheckpoint checkpoint, std::size_t keep);

    std::filesystem::path folder_;
    std::string name_;
    Lease& lease_;
    const Keyring& keyring_;
    Tell tell_;
    JobState state_;
    // Under which the tree was started or restored whose dumps are ours.
    int earlier_epoch_ = 0;
    // Of the folder, as it was found.
    dev_t device_ = 0;
    bool has_run_ = false;
    Warned warned_;
};

} // namespace cedana::job
