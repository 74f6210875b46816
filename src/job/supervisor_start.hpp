// SPDX-License-Identifier: Apache-2.0
// How a supervisor brings a job up: found running, started, or restored from the newest checkpoint that is worth a try.
#pragma once

#include "cedana/job/supervisor.hpp"

#include <cstddef>
#include <optional>
#include <string>

#include "supervisor_checkpoints.hpp"
#include "supervisor_end.hpp"
#include "supervisor_watch.hpp"

namespace cedana::job {

class BringUp {
  public:
    BringUp(Watch& watch, Checkpointing& checkpoints, JobEnd& end)
        : watch_(watch), checkpoints_(checkpoints), end_(end) {}

    // One whose supervisor was killed; nothing if there is none.
    void find();
    // None: the program runs. Throws Error.
    [[nodiscard]] std::optional<RunOutcome> bring_up();

  private:
    void runs(nlohmann::ordered_json more);
    void start();
    [[nodiscard]] std::optional<RunOutcome> go_on(std::size_t place);
    [[nodiscard]] std::optional<RunOutcome> restore_failed(std::size_t place);
    void mark_damaged(std::size_t place, const std::string& why);

    Watch& watch_;
    Checkpointing& checkpoints_;
    JobEnd& end_;
};

} // namespace cedana::job
