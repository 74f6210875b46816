// SPDX-License-Identifier: Apache-2.0
#include "supervisor_watch.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace cedana::job {

namespace {

// Of these a terminal stops by the last three whoever does not take or block them.
constexpr std::array k_watched_signals = {SIGTERM, SIGINT,   SIGHUP,  SIGQUIT, SIGUSR1, SIGUSR2,
                                          SIGALRM, SIGWINCH, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU};
constexpr std::chrono::milliseconds k_orders_every{1000};

// Who asks for another command than there is has the name of one that never ran.
JobRecord record_for(const RunRequest& request) {
    auto there = read_record(request.folder);
    return there && (request.record.argv.empty() || there->is_command_of(request.record)) ? *there : request.record;
}

// One that is named to end the job counts, whoever has this process ignore it.
UniqueFd watch_all(const std::set<int>& stop_signals) {
    for (const int number : stop_signals)
        std::signal(number, SIG_DFL);
    return watch_signals(k_watched_signals);
}

} // namespace

nlohmann::ordered_json json_of(const ProgramEnd& end) {
    return end.signal != 0 ? nlohmann::ordered_json{{"signal", end.signal}}
                           : nlohmann::ordered_json{{"code", end.code}};
}

Watch::Watch(const RunRequest& request, Lease& lease)
    : request_(request), lease_(lease), record_(record_for(request)),
      books_(request.folder, request.name, lease, request.keyring,
             [this](auto... what) { terminal_.print([&] { request_.tell(what...); }); }),
      signals_(watch_all(request.stop_signals)),
      space_(loop_, request, terminal_,
             [this](pid_t init) {
                 lease_.set_init(mark_of(init).value_or(ProcessMark{.pid = init}));
                 books_.state().init = init;
                 renew();
             }),
      commands_(loop_, request, [this](std::optional<std::chrono::milliseconds> left) { take_notice(left); }) {
    loop_.watch(signals_.get(), POLLIN, [this](short) { read_signals(); });
}

void Watch::read_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info)
        take_signal(static_cast<int>(info.ssi_signo));
}

void Watch::take_signal(int number) {
    if (number == SIGWINCH || number == SIGCONT)
        return number == SIGWINCH ? terminal_.take_size() : terminal_.take_up_again();
    if (number == SIGTTIN || number == SIGTTOU)
        return;
    // Nobody would renew its lease while this process stands, and its program would be ended.
    if (number == SIGTSTP)
        return terminal_.print([&] {
            spdlog::warn(
                "the job {} runs on: it cannot be suspended; `cedana client stop {}` ends it with a checkpoint",
                request_.name, request_.name);
        });
    if (wishes_.take_signal(number, request_.stop_signals, request_.deadline))
        return;
    if (space_.exists() && space_.word().root != 0) {
        wishes_.passed_on = number;
        space_->signal(number);
    } else
        wishes_.ending = Ending{.signal = number};
}

// The shorter of both times counts.
void Watch::take_notice(std::optional<std::chrono::milliseconds> left) {
    nlohmann::ordered_json more = nlohmann::ordered_json::object();
    if (left)
        more["seconds"] = std::chrono::duration<double>(*left).count();
    books_.note("notice", std::move(more));
    std::chrono::milliseconds deadline = request_.deadline;
    // Zero is no limit; a host that goes at once leaves none either.
    if (left && left->count() > 0 && (deadline.count() == 0 || *left < deadline))
        deadline = *left;
    wishes_.end_by({.signal = SIGTERM, .deadline = deadline});
}

// A file server that does not answer for a while is ridden out; the space itself ends the tree in time.
void Watch::renew() {
    try {
        renew_lease();
    } catch (const Error& error) {
        warned_.fails("lease", fmt::format("the lease of the job could not be renewed: {}", error.message()));
    }
    renew_at_ = Clock::now() + lease_.lasts() / 4;
}

void Watch::renew_lease() {
    if (!lease_.renew())
        throw LeaseLost{};
    if (space_.exists())
        space_->renew();
    if (lease_.trouble().empty())
        warned_.works("lease");
    else
        warned_.fails("lease", fmt::format("the lease of the job could not be renewed, and counts all the same on a "
                                           "file system of this host alone: {}",
                                           lease_.trouble()));
}

// Somebody has removed it, and nobody else has the job for all that.
void Watch::keep_folder() {
    std::error_code error;
    if (std::filesystem::symlink_status(request_.folder / k_job_file, error).type() !=
        std::filesystem::file_type::not_found)
        return warned_.works("folder");
    try {
        const bool had_checkpoints = !books_.state().chain.empty();
        books_.make_folder_anew(record_, request_.config);
        renew_lease();
        wishes_.checkpoint |= had_checkpoints && space_.exists();
    } catch (const Error& failure) {
        warned_.fails("folder",
                      fmt::format("the folder of the job is gone, and could not be made anew: {}", failure.message()));
    }
}

void Watch::fail(const std::string& why) {
    books_.enter(Phase::failed, {{"message", why}});
    commands_.tell_failure(std::string(name_of(Phase::failed)), why);
}

bool Watch::has_program_ended() {
    constexpr std::chrono::seconds k_word_limit{5};
    if (!space_.has_root_ended())
        return false;
    const auto until = Clock::now() + k_word_limit;
    while (!space_.is_gone() && !space_.word().ended && Clock::now() < until)
        wait(until);
    return space_.is_gone() || space_.word().ended.has_value();
}

void Watch::feed_watchdog() {
    if (!watchdog_ || Clock::now() < watchdog_at_)
        return;
    tell_service_manager("WATCHDOG=1");
    watchdog_at_ = Clock::now() + std::chrono::ceil<Clock::duration>(*watchdog_);
}

void Watch::wait(std::optional<Clock::time_point> until) {
    commands_.start_in_time();
    feed_watchdog();
    Clock::time_point next = orders_at_;
    for (const auto& moment : {until, commands_.next()})
        next = std::min(next, moment.value_or(next));
    if (lease_.lasts().count() != 0)
        next = std::min(next, renew_at_);
    if (watchdog_)
        next = std::min(next, watchdog_at_);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
    loop_.run_once(std::max(left, std::chrono::milliseconds(0)));
    if (Clock::now() >= orders_at_) {
        orders_at_ = Clock::now() + k_orders_every;
        // Nothing tells of a shell's fg of a job that was running.
        terminal_.look_whose_keys();
        keep_folder();
        wishes_.take_orders_in(request_.folder, request_.deadline);
    }
    if (lease_.lasts().count() != 0 && Clock::now() >= renew_at_)
        renew();
}

void Watch::make_space(const std::set<pid_t>& numbers, WithTerminal with_terminal) {
    space_.make({.numbers = numbers,
                 .lease = lease_.lasts(),
                 .terminal_of = with_terminal == WithTerminal::yes ? std::optional(record_.uid) : std::nullopt,
                 .pids = record_.has_host_pids ? SpacePids::of_host : SpacePids::own});
}

void Watch::leave_space() {
    space_.leave();
    books_.state().pid = books_.state().init = 0;
}

} // namespace cedana::job
