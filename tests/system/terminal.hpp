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

// Who runs it there: root, or sudo, which gives it a terminal of its own (sudoers(5), use_pty).
enum class By { root, sudo };
[[nodiscard]] std::string name_of(By by);
// As cannot_run() without a sudo that does that.
void require_sudo_with_own_terminals();
// What a shell is to run for cedana. `settings`: NAME=VALUE of its environment.
[[nodiscard]] std::string command_by(By by, const RunOptions& options, const std::string& settings = "");

class CedanaOnTerminal {
  public:
    CedanaOnTerminal(const std::vector<std::string>& arguments, const RunOptions& options, By by = By::root);

    // Of cedana itself, once sudo has started it. Throws Error if it ends before.
    [[nodiscard]] pid_t pid() const;
    // What the key sends: the terminal makes a SIGINT of it, for everybody in the foreground.
    void press_ctrl_c() const;
    void type(const std::string& keys) const;
    void resize(unsigned short rows, unsigned short columns) const;
    // Keys come as whole lines, as a shell's user has them.
    [[nodiscard]] bool takes_lines() const;
    // Until that is shown. Throws Error after a while.
    void wait_until_shown(const std::string& text);
    // What it printed is in `out`. Throws Error when it does not end within the limit.
    CedanaRun wait();

  private:
    UniqueFd keyboard_;
    std::chrono::milliseconds limit_;
    By by_;
    ChildProcess child_;
    std::string shown_;
};

} // namespace cedana::testing
