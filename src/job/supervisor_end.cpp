// SPDX-License-Identifier: Apache-2.0
#include "supervisor_end.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/job/course.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana::job {

namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void stay() {
    while (true)
        ::pause();
}

} // namespace

void JobEnd::leave_space() {
    watch_.leave_space();
    checkpoints_.forget();
}

RunOutcome JobEnd::by_wish(How how_it_ended) {
    leave_space();
    const RunRequest& request = watch_.request();
    const Ending& ending = *watch_.wishes().ending;
    const Json how = next_run(how_it_ended);
    const bool goes_on = !how["goes_on_from"].is_null();
    const std::string why_not = how_it_ended == How::by_itself ? end_before_checkpoint() : "";
    const Phase phase = ending.is_ordered ? Phase::stopped : goes_on ? Phase::checkpointed : Phase::ended;
    // How it ended the time before says nothing of this end.
    if (phase != Phase::ended)
        watch_.state().end.reset();
    watch_.books().enter(phase, how);
    leave_job(how, why_not, Fault::no_process);
    if (request.after == AfterCheckpoint::stays)
        stay();
    constexpr int k_signalled = 128;
    return {.exit_code = goes_on ? request.checkpointed_code : k_signalled + ending.signal};
}

Json JobEnd::next_run(How how) const {
    constexpr std::array k_names = {"checkpointed", "absent", "passed_on", "by_itself"};
    const JobState& state = watch_.state();
    const Choice choice = choose(state.chain, watch_.request().course, watch_.books().has_lost_all());
    Json json = {{"how", k_names.at(static_cast<std::size_t>(how))},
                 {"goes_on_from", nullptr},
                 {"goes_on_from_created", nullptr},
                 {"starts_anew", choice.kind == Choice::Kind::start}};
    if (choice.kind == Choice::Kind::go_on) {
        json["goes_on_from"] = state.chain[choice.place].file;
        json["goes_on_from_created"] = state.chain[choice.place].created;
    }
    return json;
}

std::string JobEnd::end_before_checkpoint() const {
    return fmt::format("its program ended by itself ({}) before one was made",
                       watch_.state().end.value_or(ProgramEnd{}).shell_code());
}

RunOutcome JobEnd::give_up() {
    const std::string why =
        watch_.books().has_lost_all()
            ? fmt::format("its checkpoints are gone, of which {} was the last: put it back into {}, or start the job "
                          "anew with --if-unrestorable start",
                          printable(watch_.state().parent), printable(watch_.request().folder.string()))
            : "every checkpoint of it was tried in vain (--attempts); --if-unrestorable start starts it anew";
    watch_.fail(why);
    leave_job(next_run(How::absent), why, Fault::restore_failed);
    if (has_run_)
        return RunOutcome{.exit_code = watch_.state().end.value_or(ProgramEnd{}).shell_code(), .is_programs = true};
    return RunOutcome{.exit_code = static_cast<int>(Fault::restore_failed)};
}

// Who waits for an answer takes a lease that is held by nobody for none.
void JobEnd::leave_job(Json answer, const std::string& message, Fault fault) {
    const std::filesystem::path& folder = watch_.request().folder;
    if (!answer["goes_on_from"].is_null())
        answer["goes_on_from"] = (folder / answer["goes_on_from"].get<std::string>()).string();
    answer["state"] = name_of(watch_.state().phase);
    answer["checkpoint"] = answer["how"] == "checkpointed" ? answer["goes_on_from"] : Json(nullptr);
    // Who wanted no checkpoint has what they wanted.
    std::vector<Order>& orders = watch_.wishes().asked_to_end;
    const auto failed = std::stable_partition(orders.begin(), orders.end(), [&](const Order& one) {
        return message.empty() || one.kind == OrderKind::stop_now;
    });
    std::vector<Order> others(failed, orders.end());
    orders.erase(failed, orders.end());
    answer_orders(folder, orders, answer);
    answer["message"] = message;
    answer["fault"] = static_cast<int>(fault);
    answer_orders(folder, others, answer);
    answer["message"] = message.empty() ? "it has ended, and no checkpoint was made" : message;
    answer["fault"] = static_cast<int>(message.empty() ? Fault::no_process : fault);
    answer_orders(folder, watch_.wishes().asked, answer);
    watch_.lease().release();
}

std::optional<RunOutcome> JobEnd::by_itself() {
    JobState& state = watch_.state();
    Wishes& wishes = watch_.wishes();
    const RunRequest& request = watch_.request();
    // Its first process was killed, and all with it.
    const ProgramEnd end = watch_.space().word().ended.value_or(ProgramEnd{.signal = SIGKILL});
    state.end = end;
    has_run_ = true;
    ended_with_it_ = watch_.space().left_behind();
    leave_space();
    if (wishes.is_passed_on)
        return finish(wishes.ending->is_ordered ? Phase::stopped : Phase::ended, end);
    // Whoever sent it that signal, or typed it, wanted its end.
    for (const int number : {wishes.passed_on, watch_.terminal().typed_signal()})
        if (number != 0 && end.shell_code() == ProgramEnd{.signal = number}.shell_code())
            return finish(Phase::ended, end);
    switch (after_end(end, request.course, state.restarts)) {
    case AfterEnd::done:
        if (!request.keep_done)
            watch_.books().remove_checkpoints();
        state.chain.clear();
        state.parent.clear();
        return finish(Phase::done, end);
    case AfterEnd::leave:
        return finish(Phase::ended, end);
    case AfterEnd::fail:
        return finish(Phase::failed, end);
    case AfterEnd::wait:
        if (wishes.ending)
            // The last checkpoint may have ended the tree, and could not be given its name then.
            return by_wish(watch_.books().take_up() ? How::checkpointed : How::by_itself);
        back_off(end);
        break;
    }
    return std::nullopt;
}

RunOutcome JobEnd::finish(Phase phase, const ProgramEnd& end) {
    const Wishes& wishes = watch_.wishes();
    // It ran until it was asked to end.
    if (wishes.is_passed_on || wishes.passed_on != 0 || watch_.terminal().typed_signal() != 0)
        watch_.books().clear_tries();
    Json how = next_run(wishes.is_passed_on ? How::passed_on : How::by_itself);
    how["outcome"] = json_of(end);
    how["ended_with_it"] = ended_with_it_;
    watch_.books().enter(phase, how);
    if (phase == Phase::failed)
        watch_.commands().tell_failure(std::string(name_of(phase)),
                                       fmt::format("it ended too often, at last with {}", end.shell_code()));
    if (wishes.is_passed_on)
        leave_job(how, wishes.ending->is_at_once ? "it was stopped with --no-checkpoint" : watch_.state().last_failure,
                  Fault::process_lost);
    else if (phase != Phase::done)
        leave_job(how, end_before_checkpoint(), Fault::no_process);
    else
        leave_job(how);
    return {.exit_code = end.shell_code(), .is_programs = true};
}

void JobEnd::back_off(const ProgramEnd& end) {
    JobState& state = watch_.state();
    const std::chrono::milliseconds limit = backoff_of(watch_.request().course, state.restarts);
    ++state.restarts;
    ++state.restarts_in_all;
    const std::string at = utc_iso(std::chrono::system_clock::now() + limit);
    watch_.books().enter(Phase::backoff, {{"outcome", json_of(end)},
                                          {"ended_with_it", ended_with_it_},
                                          {"seconds", static_cast<double>(limit.count()) / 1000},
                                          {"until", at}});
    const auto until = Watch::Clock::now() + limit;
    while (Watch::Clock::now() < until && !watch_.wishes().ending) {
        watch_.wait(until);
        refuse_checkpoints(fmt::format("its program has ended, and is brought back at {}", at));
    }
}

// There is nothing to be checkpointed.
void JobEnd::refuse_checkpoints(const std::string& why) {
    Wishes& wishes = watch_.wishes();
    if (!std::exchange(wishes.checkpoint, false))
        return;
    watch_.books().note("checkpoint_failed", {{"message", why}, {"then", "waits"}});
    answer_orders(watch_.request().folder, wishes.asked,
                  {{"message", why}, {"fault", static_cast<int>(Fault::no_process)}});
}

} // namespace cedana::job
