// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/books.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/rename.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/host/free_pids.hpp"
#include "cedana/host/permissions.hpp"
#include "cedana/job/found_checkpoints.hpp"
#include "cedana/job/task.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>
#include <unistd.h>

namespace cedana::job {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

// None is pruned while it is not known how many are to be kept.
constexpr std::size_t k_keep_all = 1'000'000;

// "train.py-3fa91c_20261122T164510Z.e0007.zip" of "train.py_20261122T164510Z.zip"; "…Z_2.e0007.zip" for the second of
// one moment.
std::string give_final_name(const std::string& name, const fs::path& staged, const fs::path& folder, int epoch) {
    const std::string stem = staged.stem().string();
    const std::string moment = stem.substr(std::min(stem.rfind('_'), stem.size()));
    for (int number = 1;; ++number) {
        std::string file =
            fmt::format("{}{}{}.e{:04}.zip", name, moment, number == 1 ? "" : fmt::format("_{}", number), epoch);
        if (rename_new(staged, folder / file))
            return file;
    }
}

double seconds_of(const Manifest& manifest) {
    double seconds = 0;
    for (const auto& [phase, took] : manifest.timings)
        seconds += took;
    return seconds;
}

dev_t device_of(const fs::path& path) {
    struct ::stat info {};
    if (::stat(path.c_str(), &info) != 0)
        throw OsFailure(Fault::storage).error("cannot look at {}", path.string());
    return info.st_dev;
}

} // namespace

void make_job_folder(const fs::path& folder) {
    std::error_code ignored;
    fs::create_directories(folder.parent_path(), ignored);
    make_private_folder(folder);
    make_private_folder(folder / k_staging);
    make_private_folder(folder / k_orders);
}

void drop_empty_job_folder(const fs::path& folder) noexcept {
    std::error_code ignored;
    if (fs::exists(folder / k_job_file, ignored))
        return;
    // What is not empty stays (rmdir(2)); another run that begins the job makes these two anew.
    for (const fs::path& path : {folder / k_orders, folder / k_staging, folder})
        ::rmdir(path.c_str());
}

Books::Books(fs::path folder, std::string name, Lease& lease, const Keyring& keyring, Tell tell)
    : folder_(std::move(folder)), name_(std::move(name)), lease_(lease), keyring_(keyring), tell_(std::move(tell)) {
    std::string why;
    try {
        if (auto known = read_state(folder_))
            state_ = std::move(*known);
        else
            why = "is missing";
    } catch (const Error& error) {
        if (error.fault() != Fault::checkpoint)
            throw;
        why = "is damaged";
    }
    // How it ended the time before says nothing of this one.
    state_.end.reset();
    device_ = device_of(folder_);
    state_.supervisor = ::getpid();
    state_.host = own_host().name;
    if (!why.empty())
        make_anew(why);
    earlier_epoch_ = state_.epoch;
    drop_gone();
    take_up();
    state_.epoch = lease_.epoch();
}

// Of a job that is begun nothing is there yet.
void Books::make_anew(const std::string& why) {
    const Life life = life_in(read_history(folder_));
    state_.chain = find_checkpoints(folder_, name_, keyring_, life.first_epoch);
    const auto good = std::ranges::find(state_.chain, false, &JobCheckpoint::damaged);
    state_.epoch = life.last_epoch;
    state_.checkpoints_in_all = static_cast<std::int64_t>(life.checkpoints.size());
    if (good != state_.chain.end())
        state_.parent = good->file;
    else if (!life.checkpoints.empty())
        state_.parent = life.checkpoints.back();
    if (why != "is missing" || !state_.chain.empty())
        note("made_anew", {{"file", k_state_file}, {"why", why}, {"checkpoints", state_.chain.size()}});
}

void Books::make_folder_anew(const JobRecord& record, const LoadedConfig& config) {
    std::error_code error;
    fs::path there = folder_.parent_path();
    while (there.has_relative_path() && !fs::exists(there, error))
        there = there.parent_path();
    if (device_of(there) != device_)
        throw Error(Fault::storage, fmt::format("its file system is not mounted at {}", printable(there.string())));
    make_job_folder(folder_);
    require_as_roots(config.values, config.caller, folder_, "the folder of the job");
    if (!lease_.renew())
        throw LeaseLost{};
    write_record(folder_, record);
    note("folder_made_anew");
    drop_gone();
    save();
}

void Books::drop_gone() {
    const std::vector<std::string> gone = take_out_gone(state_.chain, folder_);
    if (has_lost_all())
        state_.chain = find_checkpoints(folder_, name_, keyring_, life_in(read_history(folder_)).first_epoch);
    if (!gone.empty())
        note("gone", {{"lost", gone}, {"left", state_.chain.size()}});
}

// Where it cannot be seen whether it is held, what was to be written shows that, too.
void Books::require_lease() {
    try {
        if (lease_.is_lost())
            throw LeaseLost{};
    } catch (const Error& error) {
        bear(error);
    }
}

void Books::enter(Phase phase, Json more) {
    has_run_ |= phase == Phase::running;
    state_.phase = phase;
    state_.since = utc_iso(std::chrono::system_clock::now());
    state_.next = more.value("until", "");
    save();
    note(name_of(phase), std::move(more));
}

void Books::note(std::string_view event, Json more) {
    require_lease();
    more["epoch"] = lease_.epoch();
    try {
        append_history(folder_, event, more);
    } catch (const Error& error) {
        bear(error);
    }
    tell_(event, more, state_);
}

void Books::save() {
    try {
        write();
    } catch (const Error& error) {
        bear(error);
    }
}

void Books::write() {
    require_lease();
    state_.epoch = lease_.epoch();
    write_state(folder_, state_);
    warned_.works("books");
}

// Where the store is not there any more another host may have the job by now.
bool Books::is_lease_sure() {
    try {
        if (!lease_.renew())
            throw LeaseLost{};
        return true;
    } catch (const Error&) {
        return false;
    }
}

void Books::bear(const Error& error) {
    if ((state_.phase == Phase::starting || state_.phase == Phase::restoring) && !(has_run_ && is_lease_sure()))
        throw Error(error);
    warned_.fails("books", "what became of the job could not be noted: " + error.message());
}

void Books::came_from(const std::string& file) {
    state_.parent = file;
    state_.restored_from = file;
    earlier_epoch_ = lease_.epoch();
}

void Books::clear_tries() {
    for (JobCheckpoint& one : state_.chain)
        if (one.file == state_.restored_from)
            one.tries = 0;
}

void Books::publish(const fs::path& staged, const nlohmann::json& facts, std::size_t keep) {
    // A checkpoint has a name only while it is sure that nobody else has the job.
    if (!lease_.is_held() && !lease_.renew())
        throw LeaseLost{};
    JobCheckpoint checkpoint{.parent = state_.parent,
                             .epoch = lease_.epoch(),
                             .program = state_.program,
                             .created = utc_iso(std::chrono::system_clock::now()),
                             .bytes = facts.value("bytes_archive", std::uint64_t{0}),
                             .seconds = facts.value("seconds", 0.0)};
    if (facts.contains("frozen_seconds") && facts["frozen_seconds"].is_number())
        checkpoint.frozen_seconds = facts["frozen_seconds"];
    add(staged, std::move(checkpoint), keep);
}

void Books::add(const fs::path& staged, JobCheckpoint checkpoint, std::size_t keep) {
    checkpoint.file = give_final_name(name_, staged, folder_, checkpoint.epoch);
    sync_folder(folder_);
    go_back_to(state_.chain, checkpoint.parent);
    state_.parent = checkpoint.file;
    const Json more = {{"checkpoint", checkpoint.file},
                       {"made_after", checkpoint.parent.empty() ? Json(nullptr) : Json(checkpoint.parent)},
                       {"bytes_archive", checkpoint.bytes},
                       {"seconds", checkpoint.seconds},
                       {"frozen_seconds", checkpoint.frozen_seconds}};
    state_.chain.insert(state_.chain.begin(), std::move(checkpoint));
    state_.restarts = 0;
    state_.failures = 0;
    ++state_.checkpoints_in_all;
    const std::vector<std::string> surplus = take_surplus(state_.chain, keep, state_.restored_from);
    write();
    note("checkpoint", more);
    std::error_code ignored;
    for (const std::string& file : surplus)
        fs::remove(folder_ / file, ignored);
}

// A dump ends the tree once its checkpoint is on the disk; a supervisor that was killed at that moment has not given it
// its name.
bool Books::take_up() {
    const std::string before = state_.parent;
    std::error_code ignored;
    for (const fs::path& staged : entries_of(staging(), ignored)) {
        if (staged.extension() != ".zip")
            continue;
        bool is_to_stay = false;
        try {
            const Manifest manifest = Checkpoint(staged, keyring_).manifest();
            const auto descent = descent_in(manifest.note);
            is_to_stay = true;
            const bool is_ours = descent && (descent->epoch == earlier_epoch_ || descent->epoch == lease_.epoch());
            if (is_ours && descent->parent == state_.parent)
                add(staged,
                    {.parent = descent->parent,
                     .epoch = descent->epoch,
                     .program = state_.program,
                     .created = manifest.created,
                     .bytes = fs::file_size(staged),
                     .seconds = seconds_of(manifest),
                     .frozen_seconds = manifest.frozen_seconds.value_or(0.0)},
                    k_keep_all);
            is_to_stay = false;
        } catch (const Error& error) {
            spdlog::warn("{} is not taken up: {}", staged.string(), error.message());
        }
        // What could not be given its name now may be another time.
        if (!is_to_stay)
            fs::remove(staged, ignored);
    }
    return state_.parent != before;
}

void Books::remove_checkpoints() {
    std::vector<std::string> files;
    for (const JobCheckpoint& one : std::exchange(state_.chain, {}))
        files.push_back(one.file);
    state_.restored_from.clear();
    state_.parent.clear();
    // What the state still names must be there.
    try {
        write();
    } catch (const Error& error) {
        return bear(error);
    }
    std::error_code ignored;
    for (const std::string& file : files)
        fs::remove(folder_ / file, ignored);
}

std::set<pid_t> Books::numbers_in(const std::string& file) const {
    return cedana::numbers_of(Checkpoint(folder_ / file, keyring_).manifest());
}

bool Books::had_terminal(const std::string& file) const {
    const auto terminals = Checkpoint(folder_ / file, keyring_).manifest().external_terminals;
    return terminals && !terminals->empty();
}

} // namespace cedana::job
