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

namespace cedana::job {

// Why the job is to end: by that signal, or by the order.
struct Ending {
    int signal = SIGTERM;
    std::optional<Order> order = std::nullopt;
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
    int tries = 0;
};

struct Wishes {
    std::optional<Ending> ending = std::nullopt;
    // The program was told, and is not brought back.
    bool is_passed_on = false;
    // Of the signals that end nothing here, the last; 0: none.
    int passed_on = 0;
    bool checkpoint = false;
    std::vector<Order> asked = {};

    void end_by(Ending by);
    // False: it is for the program.
    [[nodiscard]] bool take_signal(int number, const std::set<int>& stop_signals);
    void take_orders_in(const std::filesystem::path& folder);
};

} // namespace cedana::job
