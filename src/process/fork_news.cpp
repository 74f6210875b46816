// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/fork_news.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <sys/socket.h>

namespace cedana {

namespace {

// Of what happens between two calls of take(): about ten thousand forks and ends.
constexpr int k_kept_by_kernel = 8 * 1024 * 1024;

template <typename Part>
bool take_part(std::span<const std::byte>& bytes, Part& part) {
    if (bytes.size() < sizeof part)
        return false;
    std::memcpy(&part, bytes.data(), sizeof part);
    bytes = bytes.subspan(sizeof part);
    return true;
}

bool ask_to_listen(int socket) {
    const proc_cn_mcast_op wish = PROC_CN_MCAST_LISTEN;
    cn_msg message{};
    message.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC};
    message.len = sizeof wish;
    nlmsghdr header{};
    header.nlmsg_len = NLMSG_LENGTH(sizeof message + sizeof wish);
    header.nlmsg_type = NLMSG_DONE;
    std::array<std::byte, NLMSG_LENGTH(sizeof message + sizeof wish)> bytes{};
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + sizeof header, &message, sizeof message);
    std::memcpy(bytes.data() + sizeof header + sizeof message, &wish, sizeof wish);
    return ::send(socket, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
}

} // namespace

ForkNews parse_fork_news(std::span<const std::byte> datagram) {
    ForkNews news;
    nlmsghdr header{};
    for (std::span<const std::byte> rest = datagram; take_part(rest, header);) {
        if (header.nlmsg_len < sizeof header || header.nlmsg_len - sizeof header > rest.size())
            return news;
        std::span<const std::byte> body = rest.first(header.nlmsg_len - sizeof header);
        rest = rest.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len) - sizeof header, rest.size()));
        cn_msg message{};
        proc_event event{};
        if (!take_part(body, message) || message.id.idx != CN_IDX_PROC || message.id.val != CN_VAL_PROC ||
            !take_part(body, event))
            continue;
        const auto& fork = event.event_data.fork;
        if (event.what == proc_event::PROC_EVENT_NONE)
            news.answer = event.event_data.ack.err;
        else if (event.what == proc_event::PROC_EVENT_FORK && fork.child_pid == fork.child_tgid)
            news.forks.push_back({.parent = fork.parent_tgid, .child = fork.child_tgid});
    }
    return news;
}

std::optional<ForkListener> ForkListener::open() {
    UniqueFd socket(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = CN_IDX_PROC;
    if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return std::nullopt;
    if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &k_kept_by_kernel, sizeof k_kept_by_kernel) != 0)
        static_cast<void>(
            ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &k_kept_by_kernel, sizeof k_kept_by_kernel));
    if (!ask_to_listen(socket.get()))
        return std::nullopt;
    ForkListener listener(std::move(socket));
    // The answer is there when the wish was sent (drivers/connector/cn_proc.c, cn_proc_ack); where nobody listens to
    // wishes, or not to ours, there is none.
    return listener.receive().answer == 0U ? std::optional(std::move(listener)) : std::nullopt;
}

ForkNews ForkListener::receive() {
    ForkNews all;
    std::array<std::byte, 4096> buffer;
    while (true) {
        const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == ENOBUFS) {
            has_gaps_ = true;
            continue;
        }
        if (count <= 0)
            return all;
        const ForkNews news = parse_fork_news(std::span(buffer).first(static_cast<std::size_t>(count)));
        std::ranges::copy(news.forks, std::back_inserter(all.forks));
        if (news.answer)
            all.answer = news.answer;
    }
}

std::vector<Fork> ForkListener::take() { return receive().forks; }

} // namespace cedana
