// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/orders.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/process_mark.hpp"
#include "cedana/base/text.hpp"
#include "cedana/job/lease.hpp"
#include "cedana/job/state.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana::job {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view k_asked = ".order";
constexpr std::string_view k_answered = ".answer";
constexpr std::array k_kinds = {std::pair(OrderKind::checkpoint, "checkpoint"), std::pair(OrderKind::stop, "stop"),
                                std::pair(OrderKind::stop_now, "stop_now")};

fs::path order_file(const fs::path& job, const std::string& id, std::string_view suffix) {
    return job / k_orders / (id + std::string(suffix));
}

std::optional<OrderKind> kind_in(const fs::path& path) {
    try {
        const Json json = Json::parse(read_file(path, 1U << 16U));
        const std::string name = json.at("do");
        for (const auto& [kind, text] : k_kinds)
            if (name == text)
                return kind;
    } catch (const Json::exception&) {
        return std::nullopt;
    } catch (const Error&) {
        return std::nullopt;
    }
    return std::nullopt;
}

} // namespace

std::string_view name_of(OrderKind kind) {
    return std::ranges::find(k_kinds, kind, &std::pair<OrderKind, const char*>::first)->second;
}

Order give_order(const fs::path& job, OrderKind kind) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    Order order{.kind = kind,
                .id = fmt::format("{:020}-{}-{}", std::chrono::duration_cast<std::chrono::nanoseconds>(now).count(),
                                  own_host().boot.substr(0, 8), ::getpid())};
    make_private_folder(job / k_orders);
    replace_file(order_file(job, order.id, k_asked), Json({{"do", name_of(kind)}}).dump() + "\n");
    return order;
}

std::vector<Order> take_orders(const fs::path& job) {
    std::error_code error;
    std::vector<std::string> ids;
    for (const fs::path& path : entries_of(job / k_orders, error))
        if (path.extension() == k_asked)
            ids.push_back(path.stem().string());
    std::ranges::sort(ids);
    std::vector<Order> orders;
    for (const std::string& id : ids) {
        const fs::path taken = order_file(job, id, ".taken");
        // Somebody else has taken it, or whoever gave it took it back.
        if (::rename(order_file(job, id, k_asked).c_str(), taken.c_str()) != 0)
            continue;
        if (const auto kind = kind_in(taken))
            orders.push_back({.kind = *kind, .id = id});
        fs::remove(taken, error);
    }
    return orders;
}

void answer_order(const fs::path& job, const Order& order, const Json& answer) {
    replace_file(order_file(job, order.id, k_answered),
                 answer.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::optional<Json> take_answer(const fs::path& job, const Order& order) {
    const fs::path path = order_file(job, order.id, k_answered);
    std::error_code ignored;
    if (!fs::exists(path, ignored))
        return std::nullopt;
    Json answer = Json::parse(read_file(path, 1U << 20U));
    fs::remove(path, ignored);
    return answer;
}

bool is_waiting(const fs::path& job, const Order& order) {
    std::error_code error;
    return fs::exists(order_file(job, order.id, k_asked), error);
}

bool take_back(const fs::path& job, const Order& order) {
    std::error_code error;
    return fs::remove(order_file(job, order.id, k_asked), error);
}

} // namespace cedana::job
