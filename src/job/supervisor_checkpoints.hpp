// SPDX-License-Identifier: Apache-2.0
// The checkpoints that a supervisor makes of a job that runs: when the next one is due, how it is made, and what
// follows when it fails.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "supervisor_watch.hpp"

namespace cedana::job {

class Checkpointing {
  public:
    using Clock = std::chrono::steady_clock;

    explicit Checkpointing(Watch& watch) : watch_(watch) {}

    // The program runs; `restored`: from a checkpoint, which is good once it has lived for long enough.
    void begin();
    // It runs no more.
    void forget();
    // When something is to be done next; absent: nothing is.
    [[nodiscard]] std::optional<Clock::time_point> next() const;
    // The time of the next periodic one has come.
    [[nodiscard]] bool is_due() const;
    // What the program came from is good, if it has lived for long enough.
    void prove_in_time();

    void make(AfterDump after);
    // One was begun, and not looked at yet.
    [[nodiscard]] bool is_begun() const noexcept { return after_.has_value(); }
    // The dump has ended; true: there is a checkpoint, and the tree has ended with it.
    [[nodiscard]] bool finish();
    // The program is told to end, in place of a checkpoint.
    void pass_on_ending();

  private:
    struct Failure {
        std::string message;
        // As an exit code.
        int fault;
    };
    void plan();
    [[nodiscard]] bool would_be_late() const;
    // Of a dump that has ended; absent: its checkpoint has its name.
    [[nodiscard]] std::optional<Failure> publish(AfterDump after);
    [[nodiscard]] bool ended_by_itself();
    void failed(AfterDump after, const Failure& failure);
    [[nodiscard]] nlohmann::ordered_json answer_to(const Failure& failure) const;

    Watch& watch_;
    std::optional<AfterDump> after_;
    Clock::time_point run_began_ = Clock::now();
    Clock::time_point dump_began_ = Clock::now();
    std::chrono::duration<double> last_cost_{};
    std::chrono::duration<double> cost_{};
    std::optional<Clock::time_point> due_;
    std::optional<Clock::time_point> proven_;
};

} // namespace cedana::job
