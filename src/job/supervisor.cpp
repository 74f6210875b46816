// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/supervisor.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/job/found_checkpoints.hpp"
#include "cedana/model/callers_place.hpp"

#include <spdlog/fmt/fmt.h>

#include "supervisor_checkpoints.hpp"
#include "supervisor_end.hpp"
#include "supervisor_start.hpp"
#include "supervisor_watch.hpp"

namespace cedana::job {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

class Supervisor {
  public:
    Supervisor(const RunRequest& request, Lease& lease) : watch_(request, lease) {}

    // Before anything else, so that one that cannot be run leaves the job as it is, and what runs of it. Throws Error.
    void start_notice() {
        try {
            watch_.commands().start_in_time();
        } catch (const Error&) {
            release_after_failure();
            throw;
        }
    }

    RunOutcome run() {
        const RunOutcome outcome = run_to_its_end();
        watch_.commands().finish();
        return outcome;
    }

  private:
    RunOutcome run_to_its_end() {
        try {
            bring_up_.find();
            while (true) {
                if (!watch_.space().exists())
                    if (const auto outcome = bring_up_.bring_up())
                        return *outcome;
                if (const auto outcome = attend())
                    return *outcome;
            }
        } catch (const LeaseLost&) {
            watch_.terminal().leave();
            watch_.space().end();
            watch_.space().drop_task();
            watch_.request().tell("lease_lost", Json::object(), watch_.state());
            return {.exit_code = k_runs_elsewhere};
        } catch (...) {
            // Nothing of the job runs on without somebody who looks after it.
            watch_.space().end();
            release_after_failure();
            watch_.commands().finish();
            throw;
        }
    }

    void release_after_failure() noexcept {
        try {
            watch_.lease().release();
        } catch (const std::exception&) {
            // Others see that it does not change any more.
        }
    }

    // While it runs.
    std::optional<RunOutcome> attend() {
        const Wishes& wishes = watch_.wishes();
        while (true) {
            watch_.wait(checkpoints_.next());
            checkpoints_.prove_in_time();
            if (is_late()) {
                watch_.state().last_failure = "it took longer than there was time";
                watch_.books().note("too_late");
                checkpoints_.pass_on_ending();
                continue;
            }
            if (watch_.space().has_task()) {
                // A hook of the dump's may hang for longer than the host is there.
                if (is_over() && !watch_.space().is_gone())
                    watch_.space().end();
                continue;
            }
            if (checkpoints_.is_begun()) {
                if (checkpoints_.finish())
                    return end_.with_checkpoint();
                if (!watch_.space().is_gone() && !watch_.space().word().ended)
                    continue;
            }
            if (watch_.space().is_gone() || watch_.space().word().ended)
                return end_.by_itself();
            if (wishes.is_passed_on)
                continue;
            if (wishes.ending && wishes.ending->is_at_once)
                checkpoints_.pass_on_ending();
            else if (wishes.ending)
                checkpoints_.make(AfterDump::ends);
            else if (checkpoints_.is_due() && watch_.request().exit_each)
                watch_.wishes().end_by({.is_periodic = true});
            else if (wishes.checkpoint || checkpoints_.is_due())
                checkpoints_.make(AfterDump::runs_on);
        }
    }

    [[nodiscard]] bool has_no_time_left() {
        const Wishes& wishes = watch_.wishes();
        return wishes.ending && wishes.ending->deadline.count() != 0 &&
               Clock::now() - wishes.ending->since > wishes.ending->deadline;
    }
    [[nodiscard]] bool is_late() { return has_no_time_left() && !watch_.wishes().is_passed_on; }
    // It was late, and its program has ended by now.
    [[nodiscard]] bool is_over() {
        return has_no_time_left() && watch_.wishes().is_passed_on && watch_.space().word().ended.has_value();
    }

    Watch watch_;
    Checkpointing checkpoints_{watch_};
    JobEnd end_{watch_, checkpoints_};
    BringUp bring_up_{watch_, checkpoints_, end_};
};

// The program of that job could never be started: there is nothing to go on with.
bool has_never_run(const RunRequest& request) {
    try {
        const auto state = read_state(request.folder);
        return state && state->phase == Phase::failed && state->program == 0 && state->parent.empty() &&
               checkpoint_files(request.folder, request.name).empty();
    } catch (const Error&) {
        return false;
    }
}

// Absent if another command may have the name.
std::optional<JobRecord> record_there(const RunRequest& request) {
    auto there = read_record(request.folder);
    const bool is_another = there && !request.record.argv.empty() && !there->is_command_of(request.record);
    if (is_another && there->uid == request.record.uid && has_never_run(request))
        return std::nullopt;
    return there;
}

// What is there is the job of that command.
void require_same_job(const RunRequest& request) {
    const auto there = record_there(request);
    if (!there && !checkpoint_files(request.folder, request.name).empty())
        throw Error(Fault::checkpoint, fmt::format("{} is missing, and which command the checkpoints beside it are of "
                                                   "is not known",
                                                   printable((request.folder / k_job_file).string())))
            .hint("put it back, or move the job's folder away to begin anew; its checkpoints can be restored by their "
                  "paths");
    if (!there && request.record.argv.empty())
        throw Error(Fault::usage,
                    fmt::format("there is no job {} in {}", request.name, request.folder.parent_path().string()))
            .hint("give the command that it is to run, after --");
    if (there && !request.record.argv.empty() && !there->is_command_of(request.record))
        throw Error(Fault::usage, fmt::format("the job {} runs another command: {}", request.name,
                                              printable(fmt::format("{}", fmt::join(there->argv, " ")))))
            .hint(fmt::format("give this one another name with --job, or leave the command out to go on with that one; "
                              "to begin anew under this name, remove {}",
                              printable(request.folder.string())));
    const Caller& caller = request.config.caller;
    if (there && acts_as_root_for(caller) && there->uid != caller.uid && !may_become_root(caller))
        throw Error(Fault::permission,
                    fmt::format("the job {} is that of user {}", request.name, printable(there->user)))
            .hint("only its user, or root, goes on with it");
    if (there && request.wants_host_pids && !there->has_host_pids)
        throw Error(Fault::usage, fmt::format("the job {} has a pid namespace of its own, and its checkpoints are "
                                              "of that",
                                              request.name))
            .hint("leave --no-pidns out, or give this one another name with --job");
    if (there)
        require_dumpable_user(there->uid, there->user);
}

bool is_done(const RunRequest& request) {
    const auto state = read_state(request.folder);
    return state && state->phase == Phase::done;
}

// It is this job's, and this process has it.
Lease take_job(const RunRequest& request, const Interrupt& interrupt) {
    const auto waits = [&](const LeaseWord& word, std::chrono::milliseconds limit) {
        request.tell("waiting", {{"host", word.host.name}, {"seconds", limit.count() / 1000}}, JobState{});
    };
    Lease lease = Lease::take(request.folder, request.lease, interrupt, waits);
    // Another one may have made it in the meantime, and only who holds the lease writes.
    require_same_job(request);
    return lease;
}

} // namespace

fs::path place_of(const fs::path& folder) {
    const fs::path jobs = state_folder() / "jobs";
    make_private_folder(jobs);
    fs::path place = jobs / hex(sha256(folder.string())).substr(0, 16);
    make_private_folder(place);
    return place;
}

RunOutcome run(const RunRequest& request, const Interrupt& interrupt) {
    try {
        require_same_job(request);
        if (request.once && is_done(request)) {
            request.tell("done_already", Json::object(), JobState{.phase = Phase::done});
            return {};
        }
        Lease lease = take_job(request, interrupt);
        Supervisor supervisor(request, lease);
        supervisor.start_notice();
        if (!record_there(request))
            write_record(request.folder, request.record);
        return supervisor.run();
    } catch (const Error&) {
        drop_empty_job_folder(request.folder);
        throw;
    }
}

} // namespace cedana::job
