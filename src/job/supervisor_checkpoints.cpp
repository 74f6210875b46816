// SPDX-License-Identifier: Apache-2.0
#include "supervisor_checkpoints.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/job/course.hpp"

#include <filesystem>
#include <utility>

#include <spdlog/spdlog.h>

namespace cedana::job {

namespace {

// A dump is tried so often when the job is to end.
constexpr int k_last_tries = 2;

} // namespace

void Checkpointing::begin() {
    if (!watch_.state().restored_from.empty())
        proven_ = Clock::now() + watch_.request().course.min_uptime;
    plan();
}

void Checkpointing::forget() {
    due_.reset();
    proven_.reset();
}

std::optional<Checkpointing::Clock::time_point> Checkpointing::next() const {
    if (due_ && proven_)
        return std::min(*due_, *proven_);
    return due_ ? due_ : proven_;
}

bool Checkpointing::is_due() const { return due_ && Clock::now() >= *due_; }

void Checkpointing::plan() {
    due_.reset();
    const RunRequest& request = watch_.request();
    const auto& chain = watch_.state().chain;
    const double before = chain.empty() ? 0.0 : chain.front().seconds;
    const std::chrono::duration<double> elapsed = Clock::now() - run_began_;
    if (request.percent)
        due_ = Clock::now() + interval_for({.last = cost_.count() == 0 ? before : last_cost_.count(),
                                            .all = cost_.count(),
                                            .elapsed = elapsed.count()},
                                           *request.percent);
    else if (request.interval)
        due_ = Clock::now() + *request.interval;
}

void Checkpointing::prove_in_time() {
    if (!proven_ || Clock::now() < *proven_)
        return;
    proven_.reset();
    watch_.books().clear_tries();
    watch_.books().save();
}

void Checkpointing::pass_on_ending() {
    watch_.wishes().is_passed_on = true;
    watch_.space()->signal(watch_.wishes().ending->signal);
}

void Checkpointing::make(AfterDump after) {
    watch_.wishes().checkpoint = false;
    due_.reset();
    JobState& state = watch_.state();
    const Descent descent{.epoch = watch_.lease().epoch(), .parent = state.parent};
    if (after == AfterDump::ends && state.phase != Phase::last && !watch_.wishes().ending->is_periodic)
        watch_.books().enter(Phase::last);
    state.last_attempt = utc_iso(std::chrono::system_clock::now());
    const bool is_hurried = after == AfterDump::ends && (watch_.wishes().ending->tries > 0 || would_be_late());
    after_ = after;
    dump_began_ = Clock::now();
    try {
        // Somebody may have removed it.
        make_private_folder(watch_.books().staging());
        watch_.space().run_task(dump_words({.root = watch_.space().word().root,
                                            .folder = watch_.books().staging(),
                                            .label = watch_.request().name,
                                            .note = note_of(descent),
                                            .after = after}),
                                Space::Ends::left_out, is_hurried ? "CEDANA_ARCHIVE_COMPRESSION=none" : "");
    } catch (const Error& error) {
        after_.reset();
        failed(after, {.message = error.message(), .fault = static_cast<int>(error.fault())});
        plan();
    }
}

bool Checkpointing::would_be_late() const {
    const auto deadline = watch_.wishes().ending->deadline;
    const auto& chain = watch_.state().chain;
    return deadline.count() != 0 && !chain.empty() &&
           chain.front().seconds * 1250 > static_cast<double>(deadline.count());
}

bool Checkpointing::finish() {
    const AfterDump after = *std::exchange(after_, std::nullopt);
    last_cost_ = Clock::now() - dump_began_;
    cost_ += last_cost_;
    const std::optional<Failure> failure = publish(after);
    if (failure && ended_by_itself()) {
        // Its end comes next, with an answer for who waits.
        watch_.books().note("checkpoint_failed",
                            {{"message", "the program ended before it was made"}, {"then", "ends"}});
        return false;
    }
    if (!failure) {
        const std::filesystem::path made = watch_.request().folder / watch_.state().chain.front().file;
        answer_orders(watch_.request().folder, watch_.wishes().asked, {{"checkpoint", made.string()}});
        if (after == AfterDump::ends)
            return true;
    } else {
        failed(after, *failure);
    }
    plan();
    return false;
}

// And not since its checkpoint is whole, or the dump has failed in the worst way.
bool Checkpointing::ended_by_itself() {
    const int code = watch_.space().task_code();
    if (code == 0 || !watch_.has_program_ended())
        return false;
    const auto& end = watch_.space().word().ended;
    return code != static_cast<int>(Fault::process_lost) || (end && end->signal == 0);
}

std::optional<Checkpointing::Failure> Checkpointing::publish(AfterDump after) {
    TendedSpace& space = watch_.space();
    if (space.task_code() != 0) {
        const Failure failure{.message = space.task_message("the dump failed"), .fault = space.task_code()};
        if (!watch_.books().take_up())
            return failure;
        // A hook failed after it, say.
        spdlog::warn("the checkpoint is whole, and yet {}", failure.message);
        return std::nullopt;
    }
    // It ran until it was asked to end.
    if (after == AfterDump::ends)
        watch_.books().clear_tries();
    try {
        const nlohmann::json& made = space.task_result();
        // Its name alone is sure to be what JSON holds.
        const std::filesystem::path said = made.at("checkpoint").get<std::string>();
        watch_.books().publish(watch_.books().staging() / said.filename(), made, watch_.request().keep);
    } catch (const Error& error) {
        return Failure{.message = error.message(), .fault = static_cast<int>(error.fault())};
    }
    return std::nullopt;
}

void Checkpointing::failed(AfterDump after, const Failure& failure) {
    JobState& state = watch_.state();
    ++state.failed_checkpoints;
    ++state.failures;
    state.last_failure = failure.message;
    watch_.books().save();
    Wishes& wishes = watch_.wishes();
    const bool is_last = after == AfterDump::ends && !wishes.ending->is_periodic;
    const bool has_ended = watch_.has_program_ended();
    const bool is_passed_on = is_last && ++wishes.ending->tries >= k_last_tries && !wishes.is_passed_on && !has_ended;
    watch_.books().note("checkpoint_failed", {{"message", failure.message},
                                              {"then", has_ended      ? "ends"
                                                       : is_passed_on ? "passed_on"
                                                       : is_last      ? "tried_again"
                                                                      : "runs_on"}});
    answer_orders(watch_.request().folder, wishes.asked, answer_to(failure));
    constexpr int k_in_a_row = 3;
    if (state.failures == k_in_a_row)
        watch_.commands().tell_failure(std::string(name_of(state.phase)), failure.message);
    if (wishes.ending && wishes.ending->is_periodic)
        wishes.ending.reset();
    else if (is_passed_on)
        pass_on_ending();
}

nlohmann::ordered_json Checkpointing::answer_to(const Failure& failure) const {
    nlohmann::ordered_json answer = {{"message", failure.message},
                                     {"fault", failure.fault == static_cast<int>(Fault::process_lost)
                                                   ? failure.fault
                                                   : static_cast<int>(Fault::dump_failed)},
                                     {"last", nullptr},
                                     {"last_created", nullptr}};
    if (const auto& chain = watch_.state().chain; !chain.empty()) {
        answer["last"] = (watch_.request().folder / chain.front().file).string();
        answer["last_created"] = chain.front().created;
    }
    return answer;
}

} // namespace cedana::job
