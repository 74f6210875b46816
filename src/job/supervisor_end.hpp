// SPDX-License-Identifier: Apache-2.0
// What a supervisor does when its job has ended, or is not there to be brought up: what is written down, who is told,
// and what it ends with itself.
#pragma once

#include "cedana/job/supervisor.hpp"

#include <optional>

#include "supervisor_checkpoints.hpp"
#include "supervisor_watch.hpp"

namespace cedana::job {

class JobEnd {
  public:
    JobEnd(Watch& watch, Checkpointing& checkpoints) : watch_(watch), checkpoints_(checkpoints) {}

    // By a checkpoint that it goes on from with the next run; or it was not there yet.
    [[nodiscard]] RunOutcome by_wish();
    // The program has ended, or all of the space has; none: it is to be brought back, and the time until then is over.
    [[nodiscard]] std::optional<RunOutcome> by_itself();
    // None of its checkpoints is left to try.
    [[nodiscard]] RunOutcome give_up();

  private:
    void leave_job();
    void answer_stop();
    void leave_space();
    [[nodiscard]] RunOutcome finish(Phase phase, const ProgramEnd& end);
    void back_off(const ProgramEnd& end);

    Watch& watch_;
    Checkpointing& checkpoints_;
    // The program has ended at least once.
    bool has_run_ = false;
};

} // namespace cedana::job
