// SPDX-License-Identifier: Apache-2.0
// What is wanted of a job that runs, by signals and by orders: a checkpoint, or its end.
#pragma once

#include "cedana/job/orders.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <set>
#include <vector>

#include <nlohmann/json.hpp>

namespace cedana::job {

// Why the job is to end: by that signal, or by an order.
struct Ending {
    int signal = SIGTERM;
    bool is_ordered = false;
    // Without a checkpoint.
    bool is_at_once = false;
    // Since when it has that time; zero: as long as it takes.
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
    std::chrono::milliseconds deadline{};
    // Only with its periodic checkpoint, and not if there is none.
    bool is_periodic = false;
    int tries = 0;
};

struct Wishes {
    std::optional<Ending> ending = std::nullopt;
    // The program was told, and is not brought back.
    bool is_passed_on = false;
    // Of the signals that end nothing here, the last; 0: none.
    int passed_on = 0;
    bool checkpoint = false;
    // Who waits for an answer: of a checkpoint, and of the end.
    std::vector<Order> asked = {};
    std::vector<Order> asked_to_end = {};

    // What is asked for comes before what was to be anyway, and an end without a checkpoint before one with it.
    void end_by(Ending by);
    // False: it is for the program.
    [[nodiscard]] bool take_signal(int number, const std::set<int>& stop_signals, std::chrono::milliseconds deadline);
    void take_orders_in(const std::filesystem::path& folder, std::chrono::milliseconds deadline);
};

// To all of them, which wait no longer. A store that takes no answer is a warning: who waits sees how the job is.
void answer_orders(const std::filesystem::path& folder, std::vector<Order>& orders,
                   const nlohmann::ordered_json& answer);

} // namespace cedana::job
