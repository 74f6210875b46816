// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/fork_news.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>

namespace cedana {

namespace {

// Of what happens between two calls of take(): about ten thousand forks and ends.
constexpr int k_kept_by_kernel = 8 * 1024 * 1024;

// Names of the struct until Linux 6.5, of the global scope in later headers (include/uapi/linux/cn_proc.h).
struct Happened : proc_event {
    static constexpr auto k_nothing = PROC_EVENT_NONE;
    static constexpr auto k_fork = PROC_EVENT_FORK;
};

template <typename Part>
bool take_part(std::string_view& bytes, Part& part) {
    if (bytes.size() < sizeof part)
        return false;
    std::memcpy(&part, bytes.data(), sizeof part);
    bytes.remove_prefix(sizeof part);
    return true;
}

void ask_to_listen(NetlinkSocket& socket) {
    const proc_cn_mcast_op wish = PROC_CN_MCAST_LISTEN;
    cn_msg message{};
    message.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC};
    message.len = sizeof wish;
    socket.send(NetlinkRequest(NLMSG_DONE, 0).header(message).header(wish).bytes());
}

ForkNews news_in(const std::vector<NetlinkMessage>& messages) {
    ForkNews news;
    for (const NetlinkMessage& one : messages) {
        std::string_view body = one.body;
        cn_msg message{};
        proc_event event{};
        if (!take_part(body, message) || message.id.idx != CN_IDX_PROC || message.id.val != CN_VAL_PROC ||
            !take_part(body, event))
            continue;
        const auto& fork = event.event_data.fork;
        if (event.what == Happened::k_nothing)
            news.answer = event.event_data.ack.err;
        else if (event.what == Happened::k_fork && fork.child_pid == fork.child_tgid)
            news.forks.push_back({.parent = fork.parent_tgid, .child = fork.child_tgid});
    }
    return news;
}

} // namespace

ForkNews parse_fork_news(std::span<const std::byte> datagram) { return news_in(netlink_messages(datagram)); }

std::optional<ForkListener> ForkListener::open() {
    try {
        NetlinkSocket socket(NETLINK_CONNECTOR, NetlinkSocket::Reading::returns_at_once, CN_IDX_PROC);
        socket.keep_unread(k_kept_by_kernel);
        ask_to_listen(socket);
        ForkListener listener(std::move(socket));
        // The answer is there when the wish was sent (drivers/connector/cn_proc.c, cn_proc_ack); where nobody listens
        // to wishes, or not to ours, there is none.
        return listener.receive().answer == 0U ? std::optional(std::move(listener)) : std::nullopt;
    } catch (const Error&) {
        return std::nullopt;
    }
}

ForkNews ForkListener::receive() {
    ForkNews all;
    while (const auto messages = socket_.receive()) {
        const ForkNews news = news_in(*messages);
        std::ranges::copy(news.forks, std::back_inserter(all.forks));
        if (news.answer)
            all.answer = news.answer;
    }
    return all;
}

std::vector<Fork> ForkListener::take() { return receive().forks; }

} // namespace cedana
