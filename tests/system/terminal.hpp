// SPDX-License-Identifier: Apache-2.0
// cedana as somebody runs it in a terminal: the leader of a session whose controlling terminal is a new
// pseudo-terminal.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/unique_fd.hpp"

#include <string>
#include <vector>

#include "support/cedana_run.hpp"

namespace cedana::testing {

class CedanaOnTerminal {
  public:
    CedanaOnTerminal(const std::vector<std::string>& arguments, const RunOptions& options);

    [[nodiscard]] pid_t pid() const noexcept { return child_.pid(); }
    // What the key sends: the terminal makes a SIGINT of it, for everybody in the foreground.
    void press_ctrl_c() const;
    // What it printed is in `out`. Throws Error when it does not end within the limit.
    CedanaRun wait();

  private:
    UniqueFd keyboard_;
    std::chrono::milliseconds limit_;
    ChildProcess child_;
};

} // namespace cedana::testing
