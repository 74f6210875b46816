// SPDX-License-Identifier: Apache-2.0
// The caller's commands beside a job, in the loop of its supervisor: nobody waits for them while the job runs.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/event_loop.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/job/supervisor.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace cedana::job {

class CallersCommands {
  public:
    using Clock = std::chrono::steady_clock;
    // That this host is to go, and in which time if that is known.
    using Notice = std::function<void(std::optional<std::chrono::milliseconds> left)>;

    CallersCommands(EventLoop& loop, const RunRequest& request, Notice notice);

    // Starts the notice, if there is one to start now: at the begin, and some time after it has failed.
    void start_in_time();
    [[nodiscard]] std::optional<Clock::time_point> next() const noexcept { return notice_at_; }

    // Something has failed for good, or again and again: `message`, of a job that is `state`.
    void tell_failure(const std::string& state, const std::string& message);
    // Returns when who was told of a failure has ended, or action_scripts.timeout is over.
    void finish() noexcept;

  private:
    void notice_ended();
    void read_notice();
    void try_again(const std::string& why);
    // Nobody is on the way with the last failure: who was has ended within `limit`.
    bool has_told(std::chrono::milliseconds limit);

    EventLoop& loop_;
    const RunRequest& request_;
    Notice notice_;
    std::optional<Clock::time_point> notice_at_;
    std::optional<ChildProcess> notice_process_;
    UniqueFd notice_output_;
    std::string notice_said_;
    bool was_started_ = false;
    bool is_warned_ = false;
    std::optional<ChildProcess> failure_process_;
};

} // namespace cedana::job
