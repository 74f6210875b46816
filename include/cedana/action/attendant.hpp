// SPDX-License-Identifier: Apache-2.0
// What a restore has to do with the tree while that runs: the terminal that they share, and `--foreground`.
#pragma once

#include "cedana/roles/far_ends.hpp"
#include "cedana/roles/foreground.hpp"
#include "cedana/roles/own_terminal.hpp"
#include "cedana/roles/restore.hpp"

#include <optional>

namespace cedana {

class Attendant {
  public:
    // Before the tree runs: remembers how the terminal is, and blocks the signals that are to be passed on.
    Attendant(const Joins& joins, Attendance attendance);
    Attendant(const Attendant&) = delete;
    Attendant& operator=(const Attendant&) = delete;
    // However this command ends, nothing that it leaves behind has the keys: a CRIU that failed may have lent the
    // terminal to what it had started, and the program has it while this stays with it.
    ~Attendant();

    // The terminal is the shell's again, or the program's in the size that it has here.
    void tree_runs();
    // In the foreground: stays until the root has ended; its exit code.
    std::optional<int> accompany(roles::RestoreReport& report);

  private:
    void give_back();

    std::optional<OwnTerminal> terminal_;
    std::optional<PassedSignals> signals_;
    bool is_lent_ = true;
};

} // namespace cedana
