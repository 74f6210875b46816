// SPDX-License-Identifier: Apache-2.0
#include "supervisor_start.hpp"

#include "cedana/base/error.hpp"
#include "cedana/host/permissions.hpp"
#include "cedana/job/course.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana::job {

namespace {

using Json = nlohmann::ordered_json;

// Ends of a restore that say nothing of the checkpoint.
constexpr std::array k_of_host = {Fault::usage, Fault::permission, Fault::environment, Fault::storage,
                                  Fault::interrupted};

} // namespace

void BringUp::find() {
    if (watch_.space().find())
        runs({{"adopted", true}});
}

// The program is there.
void BringUp::runs(Json more) {
    JobState& state = watch_.state();
    state.program = watch_.space().word().program;
    state.pid = watch_.space().program_outside();
    // One that has ended by now has none.
    more["pid"] = state.pid == 0 ? Json(nullptr) : Json(state.pid);
    state.end.reset();
    watch_.books().enter(Phase::running, std::move(more));
    checkpoints_.begin();
}

std::optional<RunOutcome> BringUp::bring_up() {
    while (true) {
        watch_.books().drop_gone();
        watch_.books().take_up();
        if (watch_.wishes().ending)
            return end_.while_absent();
        const Choice choice = choose(watch_.state().chain, watch_.request().course, watch_.books().has_lost_all());
        if (choice.kind == Choice::Kind::give_up)
            return end_.give_up();
        if (choice.kind == Choice::Kind::start)
            start();
        else if (const auto outcome = go_on(choice.place))
            return outcome;
        if (watch_.space().exists())
            return std::nullopt;
    }
}

void BringUp::start() {
    const RunRequest& request = watch_.request();
    if (request.program.argv.empty()) {
        watch_.lease().release();
        throw Error(Fault::usage, fmt::format("the job {} has no checkpoint to go on from", request.name))
            .hint("give the command that it is to run, after --");
    }
    watch_.books().came_from({});
    watch_.books().enter(Phase::starting);
    watch_.make_space({}, request.program.on_terminal[0] ? Watch::WithTerminal::yes : Watch::WithTerminal::no);
    TendedSpace& space = watch_.space();
    space->start(request.program);
    while (space.word().root == 0 && space.word().failed.empty() && !space.is_gone())
        watch_.wait();
    if (space.word().root != 0)
        return runs({{"command", request.program.argv}});
    const std::string why = space.is_gone() ? "its namespaces have ended" : space.word().failed;
    const auto fault = space.word().fault == 0 ? Fault::environment : static_cast<Fault>(space.word().fault);
    watch_.leave_space();
    watch_.fail(why);
    watch_.lease().release();
    throw Error(fault, why);
}

// Nothing of a failed restore is left.
std::optional<RunOutcome> BringUp::go_on(std::size_t place) {
    JobState& state = watch_.state();
    const RunRequest& request = watch_.request();
    const std::string file = state.chain[place].file;
    const pid_t program = state.chain[place].program;
    ++state.chain[place].tries;
    watch_.books().came_from(file);
    watch_.books().enter(Phase::restoring, {{"checkpoint", file}, {"try", state.chain[place].tries}});
    std::set<pid_t> numbers;
    auto with_terminal = Watch::WithTerminal::no;
    try {
        require_trusted_checkpoint(request.config.values, request.config.caller, request.folder / file);
        numbers = watch_.books().numbers_in(file);
        if (watch_.books().had_terminal(file))
            with_terminal = Watch::WithTerminal::yes;
    } catch (const Error& error) {
        if (error.fault() != Fault::checkpoint)
            throw;
        mark_damaged(place, error.message());
        return std::nullopt;
    }
    watch_.make_space(numbers, with_terminal);
    TendedSpace& space = watch_.space();
    space.run_task(restore_words(request.folder / file), Space::Ends::given);
    while (space.has_task() && !space.is_gone() && !watch_.wishes().ending)
        watch_.wait();
    if (space.has_task() || space.is_gone()) {
        space.drop_task();
        watch_.leave_space();
        // That it was broken off says nothing of the checkpoint.
        if (watch_.wishes().ending)
            --state.chain[place].tries;
        return std::nullopt;
    }
    if (space.task_code() != 0)
        return restore_failed(place);
    space->begin(space.task_result().at("pid"), program);
    while (space.word().root == 0 && !space.is_gone())
        watch_.wait();
    // CRIU gives it the size that the old one had.
    watch_.terminal().take_size();
    ++state.restores_in_all;
    runs({{"checkpoint", file}});
    return std::nullopt;
}

void BringUp::mark_damaged(std::size_t place, const std::string& why) {
    watch_.state().chain[place].damaged = true;
    watch_.books().save();
    watch_.books().note("damaged", {{"checkpoint", watch_.state().chain[place].file}, {"message", why}});
}

// A fault of this host's says nothing of the checkpoint.
std::optional<RunOutcome> BringUp::restore_failed(std::size_t place) {
    watch_.leave_space();
    const int code = watch_.space().task_code();
    const std::string why = watch_.space().task_message("");
    if (code == static_cast<int>(Fault::checkpoint)) {
        mark_damaged(place, why);
        return std::nullopt;
    }
    const bool was_refused = code == static_cast<int>(Fault::restore_failed) && !watch_.space().was_task_begun();
    const bool is_of_host = was_refused || std::ranges::count(k_of_host, static_cast<Fault>(code)) != 0;
    if (is_of_host)
        --watch_.state().chain[place].tries;
    ++watch_.state().failed_restores;
    watch_.books().save();
    watch_.books().note("restore_failed", {{"checkpoint", watch_.state().chain[place].file}, {"message", why}});
    if (!is_of_host)
        return std::nullopt;
    watch_.fail(why);
    watch_.lease().release();
    return RunOutcome{.exit_code = code};
}

} // namespace cedana::job
