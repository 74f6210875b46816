// SPDX-License-Identifier: Apache-2.0
// This command's own terminal while a restored tree uses it: whose keys it has, and what it looked like before. A shell
// lends the terminal to the process group of its job (tcsetpgrp(3)); whoever runs a program in the job's place lends it
// on, and takes it back.
#pragma once

#include <sys/ioctl.h>
#include <sys/types.h>
#include <termios.h>

namespace cedana {

// Standard input is the terminal of this session, and can be written to.
[[nodiscard]] bool has_own_terminal();

// Standard input is the terminal of this session, and SIGTTOU is blocked.
void lend_own_terminal(pid_t group);

class OwnTerminal {
  public:
    // Of standard input, which must be the terminal of this session. Remembers its settings and its size, and blocks
    // SIGTTOU in this thread.
    OwnTerminal();

    // CRIU sets the size that the old terminal had. Whoever has the keys is told to draw its screen anew.
    void restore_size() const;
    void restore_settings() const;
    // Every byte is passed on as it is, both ways: what keys mean is for whoever gets them. ours: but for the line ends
    // of what this process prints.
    enum class Lines { as_they_are, ours };
    void make_raw(Lines lines = Lines::as_they_are) const;
    // Of now.
    [[nodiscard]] struct ::winsize size() const;

    [[nodiscard]] bool is_ours() const;
    void lend_to(pid_t group) const;
    void end_loan() const;

  private:
    struct ::termios settings_ {};
    struct ::winsize size_ {};
};

} // namespace cedana
