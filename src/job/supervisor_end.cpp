// SPDX-License-Identifier: Apache-2.0
#include "supervisor_end.hpp"

#include "cedana/job/course.hpp"

#include <chrono>
#include <csignal>

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

RunOutcome JobEnd::by_wish() {
    leave_space();
    const RunRequest& request = watch_.request();
    const Ending& ending = *watch_.wishes().ending;
    const bool goes_on = !watch_.state().chain.empty();
    const Phase phase = ending.order ? Phase::stopped : goes_on ? Phase::checkpointed : Phase::ended;
    watch_.books().enter(phase, {{"exit_code", request.checkpointed_code}});
    leave_job();
    if (request.after == AfterCheckpoint::stays)
        stay();
    constexpr int k_signalled = 128;
    return {.exit_code = goes_on ? request.checkpointed_code : k_signalled + ending.signal};
}

RunOutcome JobEnd::give_up() {
    const std::string why = "every checkpoint of it was tried in vain (--attempts)";
    watch_.fail(why);
    leave_job();
    if (has_run_)
        return RunOutcome{.exit_code = watch_.state().end->shell_code(), .is_programs = true};
    return RunOutcome{.exit_code = static_cast<int>(Fault::restore_failed)};
}

// Who waits for an answer takes a lease that is held by nobody for none.
void JobEnd::leave_job() {
    if (watch_.wishes().ending && watch_.wishes().ending->order)
        answer_stop();
    watch_.lease().release();
}

void JobEnd::answer_stop() {
    const JobState& state = watch_.state();
    const std::filesystem::path& folder = watch_.request().folder;
    Json json = {{"state", name_of(state.phase)}};
    json["checkpoint"] = state.chain.empty() ? Json(nullptr) : Json((folder / state.chain.front().file).string());
    answer_order(folder, *watch_.wishes().ending->order, json);
}

std::optional<RunOutcome> JobEnd::by_itself() {
    JobState& state = watch_.state();
    Wishes& wishes = watch_.wishes();
    const RunRequest& request = watch_.request();
    // Its first process was killed, and all with it.
    const ProgramEnd end = watch_.space().word().ended.value_or(ProgramEnd{.signal = SIGKILL});
    state.end = end;
    has_run_ = true;
    leave_space();
    if (wishes.is_passed_on) {
        watch_.books().enter(wishes.ending->order ? Phase::stopped : Phase::ended, {{"outcome", json_of(end)}});
        leave_job();
        return RunOutcome{.exit_code = end.shell_code(), .is_programs = true};
    }
    // Whoever sent it that signal wanted its end.
    if (wishes.passed_on != 0 && end.shell_code() == ProgramEnd{.signal = wishes.passed_on}.shell_code())
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
        back_off(end);
        break;
    }
    return std::nullopt;
}

RunOutcome JobEnd::finish(Phase phase, const ProgramEnd& end) {
    watch_.books().enter(phase, {{"outcome", json_of(end)}});
    if (phase == Phase::failed)
        watch_.commands().tell_failure(std::string(name_of(phase)),
                                       fmt::format("it ended too often, at last with {}", end.shell_code()));
    leave_job();
    return {.exit_code = end.shell_code(), .is_programs = true};
}

void JobEnd::back_off(const ProgramEnd& end) {
    JobState& state = watch_.state();
    const std::chrono::milliseconds limit = backoff_of(watch_.request().course, state.restarts);
    ++state.restarts;
    ++state.restarts_in_all;
    watch_.books().enter(Phase::backoff,
                         {{"outcome", json_of(end)}, {"seconds", static_cast<double>(limit.count()) / 1000}});
    const auto until = Watch::Clock::now() + limit;
    while (Watch::Clock::now() < until && !watch_.wishes().ending)
        watch_.wait(until);
}

} // namespace cedana::job
