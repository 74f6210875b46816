// SPDX-License-Identifier: Apache-2.0
#include "supervisor_checkpoints.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/job/course.hpp"

#include <filesystem>
#include <utility>

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
    watch_.space().run_task(dump_words({.root = watch_.space().word().root,
                                        .folder = watch_.books().staging(),
                                        .label = watch_.request().name,
                                        .note = note_of(descent),
                                        .after = after}),
                            Space::Ends::left_out, is_hurried ? "CEDANA_ARCHIVE_COMPRESSION=none" : "");
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
    std::string why;
    if (watch_.space().task_code() == 0) {
        // It ran until it was asked to end.
        if (after == AfterDump::ends)
            watch_.books().clear_tries();
        try {
            const nlohmann::json& made = watch_.space().task_result();
            watch_.books().publish(std::filesystem::path(made.at("checkpoint").get<std::string>()), made,
                                   watch_.request().keep);
        } catch (const Error& error) {
            why = error.message();
        }
    } else {
        why = watch_.space().task_message("the dump failed");
    }
    answer(std::exchange(watch_.wishes().asked, {}), why);
    if (why.empty() && after == AfterDump::ends)
        return true;
    if (!why.empty())
        failed(after, why);
    plan();
    return false;
}

void Checkpointing::failed(AfterDump after, const std::string& why) {
    JobState& state = watch_.state();
    ++state.failed_checkpoints;
    ++state.failures;
    state.last_failure = why;
    watch_.books().save();
    watch_.books().note("checkpoint_failed", {{"message", why}});
    constexpr int k_in_a_row = 3;
    if (state.failures == k_in_a_row)
        watch_.commands().tell_failure(std::string(name_of(state.phase)), why);
    Wishes& wishes = watch_.wishes();
    if (wishes.ending && wishes.ending->is_periodic)
        wishes.ending.reset();
    else if (after == AfterDump::ends && ++wishes.ending->tries >= k_last_tries && !wishes.is_passed_on &&
             !watch_.space().word().ended)
        pass_on_ending();
}

void Checkpointing::answer(const std::vector<Order>& orders, const std::string& failure) {
    const std::filesystem::path& folder = watch_.request().folder;
    for (const Order& order : orders) {
        if (failure.empty())
            answer_order(folder, order, {{"checkpoint", (folder / watch_.state().chain.front().file).string()}});
        else
            answer_order(folder, order, {{"message", failure}});
    }
}

} // namespace cedana::job
