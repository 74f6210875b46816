// SPDX-License-Identifier: Apache-2.0
// Whether the terminal of a process is gone as soon as its command has ended. sudo (sudoers(5), use_pty), script(1), su
// --pty and ssh -t run one command on a pseudo-terminal that they make for it; what still has that one afterwards is
// hung up. What the user looks at is another one: the controlling terminal of whoever made it.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/process/procfs.hpp"

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct HeldTerminal {
    dev_t device = 0;
    // Whose controlling terminal it is.
    pid_t pid = 0;
    friend bool operator==(const HeldTerminal&, const HeldTerminal&) = default;
};

struct PassingTerminal {
    // The program that made it: "sudo".
    std::string maker = {};
    // What the user looks at, as far as that can be told; absent if there is none. The same, where it may last after
    // all.
    std::optional<HeldTerminal> beyond = std::nullopt;
    friend bool operator==(const PassingTerminal&, const PassingTerminal&) = default;
};

// Absent where it lasts, or the process has none. A job of a shell has one that lasts: the shell goes on.
[[nodiscard]] std::optional<PassingTerminal> find_passing_terminal(const Procfs& procfs, pid_t pid);

// The N of each /dev/pts/N that ends with this process: its own, and those of sudo in sudo.
[[nodiscard]] std::vector<unsigned> passing_numbers(const Procfs& procfs, pid_t pid);

// For output, without O_NONBLOCK's waits and without becoming its session's; invalid if it cannot be opened any more.
[[nodiscard]] UniqueFd open_for_output(const Procfs& procfs, const HeldTerminal& terminal);

} // namespace cedana
