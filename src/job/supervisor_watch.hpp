// SPDX-License-Identifier: Apache-2.0
// One job as its supervisor watches over it: the loop in which it waits, what is written down of the job, its lease,
// its space, and what is wanted of it.
#pragma once

#include "cedana/base/event_loop.hpp"
#include "cedana/base/warned.hpp"
#include "cedana/job/books.hpp"
#include "cedana/job/service_notice.hpp"
#include "cedana/job/supervisor.hpp"

#include <chrono>
#include <optional>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include <sys/types.h>

#include "supervisor_commands.hpp"
#include "supervisor_space.hpp"
#include "supervisor_wishes.hpp"

namespace cedana::job {

class Watch {
  public:
    using Clock = std::chrono::steady_clock;

    Watch(const RunRequest& request, Lease& lease);

    [[nodiscard]] const RunRequest& request() const noexcept { return request_; }
    [[nodiscard]] Lease& lease() noexcept { return lease_; }
    [[nodiscard]] Books& books() noexcept { return books_; }
    [[nodiscard]] JobState& state() noexcept { return books_.state(); }
    [[nodiscard]] TendedSpace& space() noexcept { return space_; }
    [[nodiscard]] KeyTerminal& terminal() noexcept { return terminal_; }
    [[nodiscard]] Wishes& wishes() noexcept { return wishes_; }
    [[nodiscard]] CallersCommands& commands() noexcept { return commands_; }
    // The job has failed: it is written down, and the caller's command is told.
    void fail(const std::string& why);

    // The program has ended, and with what is known. Throws LeaseLost.
    [[nodiscard]] bool has_program_ended();

    // Waits for what happens next, no longer than until then. Throws LeaseLost.
    void wait(std::optional<Clock::time_point> until = std::nullopt);
    enum class WithTerminal { no, yes };
    void make_space(const std::set<pid_t>& numbers, WithTerminal with_terminal);
    void leave_space();

  private:
    void read_signals();
    void take_signal(int number);
    void take_notice(std::optional<std::chrono::milliseconds> left);
    void renew();
    void renew_lease();
    void keep_folder();
    void feed_watchdog();

    const RunRequest& request_;
    Lease& lease_;
    JobRecord record_;
    EventLoop loop_;
    KeyTerminal terminal_{loop_};
    Books books_;
    UniqueFd signals_;
    Wishes wishes_;
    TendedSpace space_;
    CallersCommands commands_;
    Clock::time_point renew_at_ = Clock::now();
    Warned warned_;
    Clock::time_point orders_at_ = Clock::now();
    std::optional<std::chrono::microseconds> watchdog_ = watchdog_interval();
    Clock::time_point watchdog_at_ = Clock::now();
};

// What a program ended with, as it is written down.
[[nodiscard]] nlohmann::ordered_json json_of(const ProgramEnd& end);

} // namespace cedana::job
