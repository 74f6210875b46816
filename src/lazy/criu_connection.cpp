// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/criu_connection.hpp"

#include "cedana/lazy/channel.hpp"

#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

namespace cedana::criu {

UniqueFd CriuConnection::make_server_end() {
    auto [ours, servers] = make_lazy_channel();
    server_ = std::move(ours);
    return std::move(servers);
}

void CriuConnection::pass_on() {
    connection_ = LazyHandover::accept(listener_.get());
    listener_.reset();
    if (connection_)
        pass_criu(server_.get(), connection_->fd());
    server_.reset();
}

void CriuConnection::refuse() const {
    if (listener_)
        shut_listener(listener_.get());
}

std::vector<LazyHandover::Task> CriuConnection::take_unread() {
    std::vector<LazyHandover::Task> tasks;
    try {
        if (listener_) {
            shut_listener(listener_.get());
            connection_ = LazyHandover::accept(listener_.get());
        }
        if (!connection_)
            return tasks;
        connection_->shut();
        while (auto message = connection_->next()) {
            if (std::holds_alternative<LazyHandover::Closed>(*message))
                break;
            if (auto* task = std::get_if<LazyHandover::Task>(&*message))
                tasks.push_back(std::move(*task));
        }
    } catch (const std::exception& error) {
        spdlog::warn("cannot read what criu has said: {}", error.what());
    }
    return tasks;
}

} // namespace cedana::criu
