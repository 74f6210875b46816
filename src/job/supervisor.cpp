// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/supervisor.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/event_loop.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/host/permissions.hpp"
#include "cedana/job/orders.hpp"
#include "cedana/job/space.hpp"
#include "cedana/job/task.hpp"
#include "cedana/model/callers_place.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/roles/copier.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "supervisor_output.hpp"

namespace cedana::job {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;
using Json = nlohmann::ordered_json;

constexpr std::array k_watched_signals = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};
constexpr Millis k_orders_every{1000};
// A dump is tried so often when the job is to end.
constexpr int k_last_tries = 2;

// Ends of a restore that say nothing of the checkpoint.
constexpr std::array k_of_host = {Fault::usage, Fault::permission, Fault::environment, Fault::storage,
                                  Fault::interrupted};

// As it is seen from here; 0 if it has ended.
pid_t pid_outside(pid_t init, pid_t inside) {
    std::error_code error;
    const Procfs procfs;
    const fs::path space = fs::read_symlink(fmt::format("/proc/{}/ns/pid", init), error);
    for (const pid_t pid : procfs.pids()) {
        const auto status = procfs.status(pid);
        if (status && status->namespace_pids.size() > 1 && status->namespace_pids.back() == inside &&
            fs::read_symlink(fmt::format("/proc/{}/ns/pid", pid), error) == space)
            return pid;
    }
    return 0;
}

Json json_of(const ProgramEnd& end) {
    return end.signal != 0 ? Json{{"signal", end.signal}} : Json{{"code", end.code}};
}

// Why the job is to end: by that signal, or by the order.
struct Ending {
    int signal = SIGTERM;
    std::optional<Order> order = std::nullopt;
    Clock::time_point since = Clock::now();
    int tries = 0;
};

class Supervisor {
  public:
    Supervisor(const RunRequest& request, Lease& lease)
        : request_(request), lease_(lease), books_(request.folder, request.name, lease, request.keyring, request.tell),
          place_(place_of(request.folder)), env_(task_environment(request.config)) {
        signals_ = watch_signals(k_watched_signals);
        loop_.watch(signals_.get(), POLLIN, [this](short) { read_signals(); });
    }

    RunOutcome run() {
        try {
            find_space();
            while (true) {
                if (!space_)
                    if (const auto outcome = bring_up())
                        return *outcome;
                if (const auto outcome = attend())
                    return *outcome;
            }
        } catch (const LeaseLost&) {
            if (space_)
                space_->end();
            drop_task();
            request_.tell("lease_lost", Json::object(), books_.state());
            return {.exit_code = k_runs_elsewhere};
        } catch (...) {
            // Nothing of the job runs on without somebody who looks after it.
            if (space_)
                space_->end();
            release_after_failure();
            throw;
        }
    }

  private:
    void release_after_failure() noexcept {
        try {
            lease_.release();
        } catch (const std::exception&) {
            // Others see that it does not change any more.
        }
    }

    // The loop.

    void read_signals() {
        signalfd_siginfo info{};
        while (::read(signals_.get(), &info, sizeof info) == sizeof info)
            take_signal(static_cast<int>(info.ssi_signo));
    }

    void take_signal(int number) {
        if (request_.stop_signals.contains(number)) {
            if (!ending_)
                ending_ = Ending{.signal = number};
        } else if (number == SIGUSR2)
            wanted_ = true;
        else if (space_ && word_.root != 0) {
            passed_on_ = number;
            space_->signal(number);
        } else
            ending_ = Ending{.signal = number};
    }

    void take_orders_now() {
        for (Order& order : take_orders(request_.folder)) {
            if (order.kind == OrderKind::checkpoint) {
                wanted_ = true;
                asked_.push_back(std::move(order));
            } else if (!ending_)
                ending_ = Ending{.order = std::move(order)};
        }
    }

    // A file server that does not answer for a while is ridden out; the space itself ends the tree in time.
    void renew() {
        try {
            if (!lease_.renew())
                throw LeaseLost{};
            if (space_)
                space_->renew();
        } catch (const Error& error) {
            spdlog::warn("the lease of the job could not be renewed: {}", error.message());
        }
        renew_at_ = Clock::now() + lease_.lasts() / 4;
    }

    // Waits for what happens next, no longer than until then.
    void wait(std::optional<Clock::time_point> until = std::nullopt) {
        Clock::time_point next = orders_at_;
        if (lease_.lasts().count() != 0)
            next = std::min(next, renew_at_);
        for (const auto& moment : {until, checkpoint_at_, proven_at_})
            next = std::min(next, moment.value_or(next));
        const auto left = std::chrono::ceil<Millis>(next - Clock::now());
        loop_.run_once(std::max(left, Millis(0)));
        if (lease_.lasts().count() != 0 && Clock::now() >= renew_at_)
            renew();
        if (Clock::now() >= orders_at_) {
            orders_at_ = Clock::now() + k_orders_every;
            take_orders_now();
        }
    }

    // The space.

    void take_space(Space space) {
        space_ = std::move(space);
        word_ = {};
        is_gone_ = false;
        output_.emplace(space_->output(), space_->error_output());
        lease_.set_init(mark_of(space_->init()).value_or(ProcessMark{.pid = space_->init()}));
        books_.state().init = space_->init();
        renew();
        loop_.watch(space_->words(), POLLIN, [this](short) {
            if (!space_->read(word_))
                loop_.unwatch(space_->words());
        });
        loop_.watch(space_->pidfd().get(), POLLIN, [this](short) {
            is_gone_ = true;
            loop_.unwatch(space_->pidfd().get());
        });
    }

    void leave_space() {
        if (!space_)
            return;
        loop_.unwatch(space_->words());
        loop_.unwatch(space_->pidfd().get());
        output_->finish();
        space_->end();
        output_.reset();
        space_.reset();
        books_.state().pid = books_.state().init = 0;
        checkpoint_at_.reset();
        proven_at_.reset();
    }

    // Of a supervisor that was killed.
    void find_space() {
        auto space = Space::find(place_);
        if (!space)
            return;
        take_space(std::move(*space));
        SpaceWord none;
        while (!is_gone_ && word_.root == 0 && space_->read(word_) && word_.root == 0 && word_.failed.empty()) {}
        if (word_.root == 0 || is_gone_)
            return leave_space();
        runs({{"adopted", true}});
    }

    void make_space(const std::set<pid_t>& numbers) {
        take_space(Space::make({.place = place_, .numbers = numbers, .lease = lease_.lasts()}));
    }

    // The program is there.
    void runs(Json more) {
        JobState& state = books_.state();
        state.program = word_.program;
        state.pid = pid_outside(space_->init(), word_.program);
        more["pid"] = state.pid;
        books_.enter(Phase::running, std::move(more));
        if (!state.restored_from.empty())
            proven_at_ = Clock::now() + request_.course.min_uptime;
        plan_checkpoint();
    }

    void plan_checkpoint() {
        checkpoint_at_.reset();
        const JobState& state = books_.state();
        const double last = state.chain.empty() ? 0.0 : state.chain.front().seconds;
        if (request_.percent)
            checkpoint_at_ = Clock::now() + interval_for(last, *request_.percent);
        else if (request_.interval)
            checkpoint_at_ = Clock::now() + *request_.interval;
    }

    // Bringing it up.

    std::optional<RunOutcome> bring_up() {
        while (true) {
            books_.take_up();
            if (ending_)
                return leave_ended();
            const Choice choice = choose(books_.state().chain, request_.course);
            if (choice.kind == Choice::Kind::give_up)
                return give_up();
            const auto outcome = choice.kind == Choice::Kind::start ? start() : go_on(choice.place);
            if (outcome || space_)
                return outcome;
        }
    }

    std::optional<RunOutcome> start() {
        if (request_.program.argv.empty()) {
            lease_.release();
            throw Error(Fault::usage, fmt::format("the job {} has no checkpoint to go on from", request_.name))
                .hint("give the command that it is to run, after --");
        }
        books_.came_from({});
        books_.enter(Phase::starting);
        make_space({});
        space_->start(request_.program);
        while (word_.root == 0 && word_.failed.empty() && !is_gone_)
            wait();
        if (word_.root != 0) {
            runs({{"command", request_.program.argv}});
            return std::nullopt;
        }
        const std::string why = is_gone_ ? "its namespaces have ended" : word_.failed;
        const auto fault = word_.fault == 0 ? Fault::environment : static_cast<Fault>(word_.fault);
        leave_space();
        books_.enter(Phase::failed, {{"message", why}});
        lease_.release();
        throw Error(fault, why);
    }

    // Nothing of a failed restore is left.
    std::optional<RunOutcome> go_on(std::size_t place) {
        JobState& state = books_.state();
        const std::string file = state.chain[place].file;
        const pid_t program = state.chain[place].program;
        ++state.chain[place].tries;
        books_.came_from(file);
        books_.enter(Phase::restoring, {{"checkpoint", file}, {"try", state.chain[place].tries}});
        std::set<pid_t> numbers;
        try {
            require_trusted_checkpoint(request_.config.values, request_.config.caller, request_.folder / file);
            numbers = books_.numbers_in(file);
        } catch (const Error& error) {
            if (error.fault() != Fault::checkpoint)
                throw;
            return mark_damaged(place, error.message());
        }
        make_space(numbers);
        run_task(restore_words(request_.folder / file), Space::Ends::given);
        while (task_ && !is_gone_ && !ending_)
            wait();
        if (task_ || is_gone_) {
            drop_task();
            leave_space();
            // That it was broken off says nothing of the checkpoint.
            if (ending_)
                --state.chain[place].tries;
            return std::nullopt;
        }
        if (task_code_ != 0)
            return restore_failed(place);
        space_->begin(task_result_.at("pid"), program);
        while (word_.root == 0 && !is_gone_)
            wait();
        runs({{"checkpoint", file}});
        return std::nullopt;
    }

    std::optional<RunOutcome> mark_damaged(std::size_t place, const std::string& why) {
        books_.state().chain[place].damaged = true;
        books_.save();
        books_.note("damaged", {{"checkpoint", books_.state().chain[place].file}, {"message", why}});
        return std::nullopt;
    }

    // A fault of this host's says nothing of the checkpoint.
    std::optional<RunOutcome> restore_failed(std::size_t place) {
        leave_space();
        const std::string why = task_result_.is_object() ? task_result_.value("message", "") : "";
        if (task_code_ == static_cast<int>(Fault::checkpoint))
            return mark_damaged(place, why);
        const bool is_of_host = std::ranges::count(k_of_host, static_cast<Fault>(task_code_)) != 0;
        if (is_of_host)
            --books_.state().chain[place].tries;
        books_.save();
        books_.note("restore_failed", {{"checkpoint", books_.state().chain[place].file}, {"message", why}});
        if (!is_of_host)
            return std::nullopt;
        books_.enter(Phase::failed, {{"message", why}});
        lease_.release();
        return RunOutcome{.exit_code = task_code_};
    }

    std::optional<RunOutcome> give_up() {
        books_.enter(Phase::failed, {{"message", "every checkpoint of it was tried in vain (--attempts)"}});
        leave_job();
        if (has_run_)
            return RunOutcome{.exit_code = books_.state().end->shell_code(), .is_programs = true};
        return RunOutcome{.exit_code = static_cast<int>(Fault::restore_failed)};
    }

    // While it runs.

    std::optional<RunOutcome> attend() {
        while (true) {
            wait();
            const auto now = Clock::now();
            if (proven_at_ && now >= *proven_at_)
                prove();
            if (is_late(now)) {
                end_without_checkpoint();
                continue;
            }
            if (task_)
                continue;
            if (task_after_) {
                if (const auto outcome = finish_dump())
                    return outcome;
                continue;
            }
            if (is_gone_ || word_.ended)
                return program_ended();
            if (ending_ && ending_->order && ending_->order->kind == OrderKind::stop_now)
                pass_on_ending();
            else if (ending_ && !is_passed_on_)
                start_dump(AfterDump::ends);
            else if (wanted_ || (checkpoint_at_ && now >= *checkpoint_at_))
                start_dump(AfterDump::runs_on);
        }
    }

    // It lives: what it came from is good.
    void prove() {
        proven_at_.reset();
        for (JobCheckpoint& one : books_.state().chain)
            if (one.file == books_.state().restored_from)
                one.tries = 0;
        books_.save();
    }

    [[nodiscard]] bool is_late(Clock::time_point now) const {
        return ending_ && request_.deadline.count() != 0 && !is_passed_on_ && now - ending_->since > request_.deadline;
    }

    void end_without_checkpoint() {
        books_.note("too_late");
        pass_on_ending();
    }

    void pass_on_ending() {
        is_passed_on_ = true;
        space_->signal(ending_->signal);
    }

    void run_task(const std::vector<std::string>& words, Space::Ends ends, const std::string& more = {}) {
        std::vector<std::string> env = env_;
        if (!more.empty())
            env.push_back(more);
        task_.emplace(*space_, words, std::move(env), ends);
        loop_.watch(task_->output(), POLLIN, [this](short) {
            if (task_->read())
                return;
            loop_.unwatch(task_->output());
            task_code_ = task_->finish();
            task_result_ = task_->result();
            task_.reset();
        });
    }

    // It ends with the space.
    void drop_task() {
        if (task_)
            loop_.unwatch(task_->output());
        task_.reset();
    }

    void start_dump(AfterDump after) {
        wanted_ = false;
        checkpoint_at_.reset();
        JobState& state = books_.state();
        const Descent descent{.epoch = lease_.epoch(), .parent = state.parent};
        if (after == AfterDump::ends && state.phase != Phase::last)
            books_.enter(Phase::last);
        state.last_attempt = utc_iso(std::chrono::system_clock::now());
        const bool is_hurried = after == AfterDump::ends && (ending_->tries > 0 || would_be_late());
        task_after_ = after;
        run_task(dump_words({.root = word_.root,
                             .folder = books_.staging(),
                             .label = request_.name,
                             .note = note_of(descent),
                             .after = after}),
                 Space::Ends::left_out, is_hurried ? "CEDANA_ARCHIVE_COMPRESSION=none" : "");
    }

    [[nodiscard]] bool would_be_late() const {
        const JobState& state = books_.state();
        return request_.deadline.count() != 0 && !state.chain.empty() &&
               state.chain.front().seconds * 1250 > static_cast<double>(request_.deadline.count());
    }

    std::optional<RunOutcome> finish_dump() {
        const AfterDump after = *std::exchange(task_after_, std::nullopt);
        std::string why;
        if (task_code_ == 0) {
            try {
                books_.publish(fs::path(task_result_.at("checkpoint").get<std::string>()), task_result_, request_.keep);
            } catch (const Error& error) {
                why = error.message();
            }
        } else {
            why = task_result_.is_object() ? task_result_.value("message", "the dump failed") : "the dump failed";
        }
        answer(std::exchange(asked_, {}), why);
        if (why.empty() && after == AfterDump::ends)
            return leave_ended();
        if (!why.empty())
            dump_failed(after, why);
        plan_checkpoint();
        return std::nullopt;
    }

    void dump_failed(AfterDump after, const std::string& why) {
        JobState& state = books_.state();
        ++state.failed_checkpoints;
        ++state.failures;
        state.last_failure = why;
        books_.save();
        books_.note("checkpoint_failed", {{"message", why}});
        if (after == AfterDump::ends && ++ending_->tries >= k_last_tries && !is_passed_on_ && !word_.ended)
            pass_on_ending();
    }

    void answer(const std::vector<Order>& orders, const std::string& failure) {
        for (const Order& order : orders) {
            if (failure.empty())
                answer_order(request_.folder, order,
                             {{"checkpoint", (request_.folder / books_.state().chain.front().file).string()}});
            else
                answer_order(request_.folder, order, {{"message", failure}});
        }
    }

    // Its end.

    // By a checkpoint that it goes on from with the next run; or it was not there yet.
    RunOutcome leave_ended() {
        leave_space();
        const bool goes_on = !books_.state().chain.empty();
        const Phase phase = ending_->order ? Phase::stopped : goes_on ? Phase::checkpointed : Phase::ended;
        books_.enter(phase, {{"exit_code", request_.checkpointed_code}});
        leave_job();
        if (request_.after == AfterCheckpoint::stays)
            stay();
        constexpr int k_signalled = 128;
        return {.exit_code = goes_on ? request_.checkpointed_code : k_signalled + ending_->signal};
    }

    // Who waits for an answer takes a lease that is held by nobody for none.
    void leave_job() {
        if (ending_ && ending_->order)
            answer_stop();
        lease_.release();
    }

    void answer_stop() {
        const JobState& state = books_.state();
        Json json = {{"state", name_of(state.phase)}};
        json["checkpoint"] =
            state.chain.empty() ? Json(nullptr) : Json((request_.folder / state.chain.front().file).string());
        answer_order(request_.folder, *ending_->order, json);
    }

    [[noreturn]] static void stay() {
        while (true)
            ::pause();
    }

    std::optional<RunOutcome> program_ended() {
        JobState& state = books_.state();
        // Its first process was killed, and all with it.
        const ProgramEnd end = word_.ended.value_or(ProgramEnd{.signal = SIGKILL});
        state.end = end;
        has_run_ = true;
        leave_space();
        if (is_passed_on_) {
            books_.enter(ending_->order ? Phase::stopped : Phase::ended, {{"outcome", json_of(end)}});
            leave_job();
            return RunOutcome{.exit_code = end.shell_code(), .is_programs = true};
        }
        // Whoever sent it that signal wanted its end.
        if (passed_on_ != 0 && end.shell_code() == ProgramEnd{.signal = passed_on_}.shell_code())
            return finish(Phase::ended, end);
        switch (after_end(end, request_.course, state.restarts)) {
        case AfterEnd::done:
            if (!request_.keep_done)
                books_.remove_checkpoints();
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

    RunOutcome finish(Phase phase, const ProgramEnd& end) {
        books_.enter(phase, {{"outcome", json_of(end)}});
        leave_job();
        return {.exit_code = end.shell_code(), .is_programs = true};
    }

    void back_off(const ProgramEnd& end) {
        JobState& state = books_.state();
        const Millis limit = backoff_of(request_.course, state.restarts);
        ++state.restarts;
        ++state.restarts_in_all;
        books_.enter(Phase::backoff,
                     {{"outcome", json_of(end)}, {"seconds", static_cast<double>(limit.count()) / 1000}});
        const auto until = Clock::now() + limit;
        while (Clock::now() < until && !ending_)
            wait(until);
    }

    const RunRequest& request_;
    Lease& lease_;
    Books books_;
    fs::path place_;
    std::vector<std::string> env_;
    EventLoop loop_;
    UniqueFd signals_;

    std::optional<Space> space_;
    std::optional<TreeOutput> output_;
    SpaceWord word_;
    bool is_gone_ = false;
    // The program has ended at least once.
    bool has_run_ = false;

    std::optional<Task> task_;
    // Of a dump, until it was looked at.
    std::optional<AfterDump> task_after_;
    int task_code_ = 0;
    nlohmann::json task_result_;

    std::optional<Ending> ending_;
    // The program was told, and is not brought back.
    bool is_passed_on_ = false;
    // Of the signals that end nothing here, the last; 0: none.
    int passed_on_ = 0;
    bool wanted_ = false;
    std::vector<Order> asked_;

    Clock::time_point renew_at_ = Clock::now();
    Clock::time_point orders_at_ = Clock::now();
    std::optional<Clock::time_point> checkpoint_at_;
    std::optional<Clock::time_point> proven_at_;
};

// What is there is the job of that command.
void require_same_job(const RunRequest& request) {
    const auto there = read_record(request.folder);
    if (!there && request.record.argv.empty())
        throw Error(Fault::usage,
                    fmt::format("there is no job {} in {}", request.name, request.folder.parent_path().string()))
            .hint("give the command that it is to run, after --");
    if (there && !request.record.argv.empty() && !there->is_command_of(request.record))
        throw Error(Fault::usage, fmt::format("the job {} runs another command: {}", request.name,
                                              printable(fmt::format("{}", fmt::join(there->argv, " ")))))
            .hint("give this one another name with --job, or leave the command out to go on with that one");
    const Caller& caller = request.config.caller;
    if (there && acts_as_root_for(caller) && there->uid != caller.uid && !may_become_root(caller))
        throw Error(Fault::permission,
                    fmt::format("the job {} is that of user {}", request.name, printable(there->user)))
            .hint("only its user, or root, goes on with it");
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
    require_same_job(request);
    const auto waits = [&](const LeaseWord& word, Millis limit) {
        request.tell("waiting", {{"host", word.host.name}, {"seconds", limit.count() / 1000}}, JobState{});
    };
    Lease lease = Lease::take(request.folder, request.lease, interrupt, waits);
    // Another one may have made it in the meantime, and only who holds the lease writes.
    require_same_job(request);
    if (!read_record(request.folder))
        write_record(request.folder, request.record);
    return Supervisor(request, lease).run();
}

} // namespace cedana::job
