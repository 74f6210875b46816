// SPDX-License-Identifier: Apache-2.0
// What a supervisor does when its job has ended, or is not there to be brought up: what is written down, who is told,
// and what it ends with itself.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/job/supervisor.hpp"

#include <cstddef>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "supervisor_checkpoints.hpp"
#include "supervisor_watch.hpp"

namespace cedana::job {

class JobEnd {
  public:
    JobEnd(Watch& watch, Checkpointing& checkpoints) : watch_(watch), checkpoints_(checkpoints) {}

    // With a checkpoint, or, where its program was not there, without one.
    [[nodiscard]] RunOutcome with_checkpoint() { return by_wish(How::checkpointed); }
    [[nodiscard]] RunOutcome while_absent() { return by_wish(How::absent); }
    // The program has ended, or all of the space has; none: it is to be brought back, and the time until then is over.
    [[nodiscard]] std::optional<RunOutcome> by_itself();
    // None of its checkpoints is left to try.
    [[nodiscard]] RunOutcome give_up();

  private:
    // checkpointed: with its last checkpoint. absent: while its program was not there. passed_on: the program was told
    // to end in place of a checkpoint.
    enum class How { checkpointed, absent, passed_on, by_itself };
    [[nodiscard]] RunOutcome by_wish(How how_it_ended);
    [[nodiscard]] std::string end_before_checkpoint() const;
    // What the next run goes on from, if from anything.
    [[nodiscard]] nlohmann::ordered_json next_run(How how) const;
    // Answers who waits, with `message` of a failure, and gives the lease back.
    void leave_job(nlohmann::ordered_json answer, const std::string& message = {}, Fault fault = Fault::internal);
    void refuse_checkpoints(const std::string& why);
    void leave_space();
    [[nodiscard]] RunOutcome finish(Phase phase, const ProgramEnd& end);
    void back_off(const ProgramEnd& end);

    Watch& watch_;
    Checkpointing& checkpoints_;
    // The program has ended at least once.
    bool has_run_ = false;
    // What the program had left of processes when it ended.
    std::size_t ended_with_it_ = 0;
};

} // namespace cedana::job
