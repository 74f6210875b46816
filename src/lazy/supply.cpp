// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/supply.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/unix_socket.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string_view>
#include <utility>

#include <spdlog/spdlog.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cedana {

namespace {

using Words = std::array<std::uint64_t, 2>;

Error not_coming() {
    return Error(Fault::connection, "the host that has the rest of its memory cannot be reached any more");
}

// False at the end of it. Both ends write a message in one piece.
template <typename Message>
bool receive_all(const UniqueFd& socket, Message& message) {
    auto bytes = std::as_writable_bytes(std::span(&message, 1));
    ssize_t count = 0;
    do
        count = ::recv(socket.get(), bytes.data(), bytes.size(), MSG_WAITALL);
    while (count < 0 && errno == EINTR);
    return count == static_cast<ssize_t>(bytes.size());
}

template <typename Message>
bool send_all(const UniqueFd& socket, const Message& message) {
    const auto bytes = std::as_bytes(std::span(&message, 1));
    return ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

} // namespace

Supply::Supply(const std::filesystem::path& socket) : socket_(connect_unix(socket)) {}

void Supply::await(ByteRange bytes) const {
    char answer = 0;
    if (!send_all(socket_, Words{bytes.from, bytes.to}) || !receive_all(socket_, answer))
        throw not_coming();
}

SupplyDesk::SupplyDesk(std::filesystem::path socket, Ask ask)
    : path_(std::move(socket)), ask_(std::move(ask)), listener_(listen_unix(path_)), thread_([this] { run(); }) {}

SupplyDesk::~SupplyDesk() {
    fail();
    thread_.join();
    ::unlink(path_.c_str());
}

void SupplyDesk::came(ByteRange bytes) {
    const std::lock_guard lock(mutex_);
    there_.add(bytes);
    news_.set();
}

void SupplyDesk::fail() {
    has_failed_ = true;
    news_.set();
}

bool SupplyDesk::is_there(ByteRange bytes) const {
    const std::lock_guard lock(mutex_);
    return there_.contains(bytes);
}

void SupplyDesk::run() noexcept {
    try {
        while (!has_failed_) {
            std::vector<pollfd> set = {{news_.fd(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
            for (const Client& client : clients_)
                set.push_back({client.socket.get(), POLLIN, 0});
            if (::poll(set.data(), set.size(), -1) < 0)
                continue;
            for (std::size_t i = clients_.size(); i-- > 0;)
                if (set[i + 2].revents != 0 && !read_from(clients_[i]))
                    clients_.erase(clients_.begin() + static_cast<std::ptrdiff_t>(i));
            if (set[1].revents != 0)
                accept();
            news_.clear();
            answer();
        }
    } catch (const std::exception& error) {
        spdlog::warn("memory that is still to come cannot be asked for any more: {}", error.what());
    }
    has_failed_ = true;
    clients_.clear();
    // Who comes later is refused.
    listener_.reset();
}

void SupplyDesk::accept() {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (socket)
        clients_.push_back({.socket = std::move(socket)});
}

bool SupplyDesk::read_from(Client& client) {
    Words words{};
    if (!receive_all(client.socket, words) || words[1] <= words[0])
        return false;
    client.waits_for = {.from = words[0], .to = words[1]};
    if (!is_there(client.waits_for))
        ask_(client.waits_for);
    return true;
}

void SupplyDesk::answer() {
    for (Client& client : clients_) {
        if (client.waits_for.to == 0 || !is_there(client.waits_for))
            continue;
        client.waits_for = {};
        constexpr char k_there = '!';
        static_cast<void>(send_all(client.socket, k_there));
    }
}

} // namespace cedana
