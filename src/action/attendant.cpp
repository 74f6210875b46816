// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/attendant.hpp"

#include <utility>

namespace cedana {

Attendant::Attendant(const Joins& joins, Attendance attendance) {
    if (joins.terminal == TerminalJoin::ours)
        terminal_.emplace();
    if (attendance == Attendance::foreground)
        signals_.emplace();
}

Attendant::~Attendant() { give_back(); }

void Attendant::tree_runs() {
    if (!terminal_)
        return;
    if (!signals_)
        give_back();
    terminal_->restore_size();
}

std::optional<int> Attendant::accompany(roles::RestoreReport& report) {
    if (!signals_)
        return std::nullopt;
    const int code = cedana::accompany({.root = report.pid,
                                        .child = report.child,
                                        .outcome = std::move(report.outcome),
                                        .stops = std::move(report.stops),
                                        .copier = std::move(report.copier)},
                                       *signals_, terminal_);
    // It has taken it back as the program left it, as a shell would find it.
    is_lent_ = false;
    return code;
}

void Attendant::give_back() {
    if (!terminal_ || !std::exchange(is_lent_, false))
        return;
    terminal_->end_loan();
    terminal_->restore_settings();
}

} // namespace cedana
