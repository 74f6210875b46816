// SPDX-License-Identifier: Apache-2.0
// How `client checkpoint` and `client stop` reach a job, on another host of a shared store too: a file for each order
// in the job's folder `commands`, and one beside it with the answer.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace cedana::job {

// stop_now: without a checkpoint.
enum class OrderKind { checkpoint, stop, stop_now };
[[nodiscard]] std::string_view name_of(OrderKind kind);

struct Order {
    OrderKind kind = OrderKind::checkpoint;
    std::string id = {};
};

// `job`: the folder of the job. Throws Error(Fault::storage).
[[nodiscard]] Order give_order(const std::filesystem::path& job, OrderKind kind);
// Those that have come, each of which nobody else gets, oldest first; what is none is removed. Throws Error.
[[nodiscard]] std::vector<Order> take_orders(const std::filesystem::path& job);
void answer_order(const std::filesystem::path& job, const Order& order, const nlohmann::ordered_json& answer);
// Absent as long as there is none; what was asked and answered is removed with it.
[[nodiscard]] std::optional<nlohmann::ordered_json> take_answer(const std::filesystem::path& job, const Order& order);
// Nobody has taken it yet.
[[nodiscard]] bool is_waiting(const std::filesystem::path& job, const Order& order);
// Of one that nobody has taken; false if somebody has.
[[nodiscard]] bool take_back(const std::filesystem::path& job, const Order& order);

} // namespace cedana::job
