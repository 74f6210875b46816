// SPDX-License-Identifier: Apache-2.0
#include "supervisor_wishes.hpp"

#include "cedana/base/error.hpp"

#include <utility>

#include <spdlog/spdlog.h>

namespace cedana::job {

void Wishes::end_by(Ending by) {
    // A program that did not end when it was told to is asked anew.
    if (!ending || (ending->is_periodic && !by.is_periodic) || std::exchange(is_passed_on, false))
        ending = by;
    else if (by.is_at_once)
        ending->is_at_once = ending->is_ordered = true;
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
            end_by({.is_ordered = true, .is_at_once = order.kind == OrderKind::stop_now, .deadline = deadline});
            asked_to_end.push_back(std::move(order));
        }
    }
}

void answer_orders(const std::filesystem::path& folder, std::vector<Order>& orders,
                   const nlohmann::ordered_json& answer) {
    for (const Order& order : std::exchange(orders, {}))
        try {
            answer_order(folder, order, answer);
        } catch (const Error& error) {
            spdlog::warn("who gave the order {} has no answer: {}", name_of(order.kind), error.message());
        }
}

} // namespace cedana::job
