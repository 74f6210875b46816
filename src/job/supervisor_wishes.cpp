// SPDX-License-Identifier: Apache-2.0
#include "supervisor_wishes.hpp"

#include <utility>

namespace cedana::job {

void Wishes::end_by(Ending by) {
    if (!ending || (ending->is_periodic && !by.is_periodic))
        ending = std::move(by);
}

bool Wishes::take_signal(int number, const std::set<int>& stop_signals, std::chrono::milliseconds deadline) {
    if (stop_signals.contains(number))
        end_by({.signal = number, .deadline = deadline});
    else if (number == SIGUSR2)
        checkpoint = true;
    else
        return false;
    return true;
}

void Wishes::take_orders_in(const std::filesystem::path& folder, std::chrono::milliseconds deadline) {
    for (Order& order : take_orders(folder)) {
        if (order.kind == OrderKind::checkpoint) {
            checkpoint = true;
            asked.push_back(std::move(order));
        } else {
            end_by({.order = std::move(order), .deadline = deadline});
        }
    }
}

} // namespace cedana::job
