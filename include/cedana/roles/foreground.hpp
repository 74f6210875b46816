// SPDX-License-Identifier: Apache-2.0
// `restore --foreground`: this command in the place of the restored program, for the shell or the service manager that
// started it. Signals go on to the program, a program that is stopped by a key stops this command as a shell's job, and
// its exit code becomes the command's.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/roles/own_terminal.hpp"

#include <optional>

#include <sys/types.h>

namespace cedana {

struct Accompanied {
    // The root, as it is seen from here.
    pid_t root = 0;
    // The child of this process that ends as the root ends; 0 if the role that holds its terminal says how it ended.
    pid_t child = 0;
    UniqueFd outcome = {};
    // One byte whenever the root was stopped, where it is no child of this process; absent: the child's stops are its.
    UniqueFd stops = {};
    // To ask the copier of the tree's output (roles/copier.hpp); absent if nobody copies, or the terminal's role does.
    UniqueFd copier = {};
};

// Blocks the signals that are to be passed on; call it before the program runs, with no other thread yet.
class PassedSignals {
  public:
    // Throws Error.
    PassedSignals();
    [[nodiscard]] int fd() const noexcept { return events_.get(); }

  private:
    UniqueFd events_;
};

// Returns when the root has ended and what it wrote is in its place, with its exit code as a shell tells it.
// `terminal`: the one that they share, if they do. Throws Error(Fault::internal) if who was to tell ended without it.
[[nodiscard]] int accompany(const Accompanied& who, const PassedSignals& signals,
                            const std::optional<OwnTerminal>& terminal);

} // namespace cedana
