// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/fork_news.hpp"

#include <algorithm>
#include <cstring>

#include <gtest/gtest.h>

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>

#include "unit/process/forked.hpp"

namespace cedana {
namespace {

using testing::Forked;

// Newer headers of the kernel have these names outside of the struct.
struct Happened : proc_event {
    static constexpr auto k_nothing = PROC_EVENT_NONE;
    static constexpr auto k_fork = PROC_EVENT_FORK;
    static constexpr auto k_exit = PROC_EVENT_EXIT;
};

std::vector<std::byte> datagram(const proc_event& event, std::uint32_t of = CN_IDX_PROC) {
    cn_msg message{};
    message.id = {.idx = of, .val = CN_VAL_PROC};
    message.len = sizeof event;
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(sizeof message + sizeof event));
    header.nlmsg_type = NLMSG_DONE;
    std::vector<std::byte> bytes(header.nlmsg_len);
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + sizeof header, &message, sizeof message);
    std::memcpy(bytes.data() + sizeof header + sizeof message, &event, sizeof event);
    return bytes;
}

proc_event fork_of(pid_t parent, pid_t child, pid_t child_process) {
    proc_event event{};
    event.what = Happened::k_fork;
    event.event_data.fork = {
        .parent_pid = parent, .parent_tgid = parent, .child_pid = child, .child_tgid = child_process};
    return event;
}

TEST(ForkNews, NameParentAndChild) {
    const ForkNews news = parse_fork_news(datagram(fork_of(10, 11, 11)));
    EXPECT_EQ(news.forks, (std::vector<Fork>{{.parent = 10, .child = 11}}));
    EXPECT_FALSE(news.answer.has_value());
}

TEST(ForkNews, DoNotCountThreads) { EXPECT_TRUE(parse_fork_news(datagram(fork_of(10, 12, 10))).forks.empty()); }

TEST(ForkNews, SayWhetherTheyAreGranted) {
    proc_event event{};
    event.what = Happened::k_nothing;
    EXPECT_EQ(parse_fork_news(datagram(event)).answer, 0U);
    event.event_data.ack.err = EPERM;
    EXPECT_EQ(parse_fork_news(datagram(event)).answer, static_cast<unsigned>(EPERM));
}

TEST(ForkNews, OfSomethingElseAreNone) {
    EXPECT_TRUE(parse_fork_news(datagram(fork_of(10, 11, 11), CN_IDX_PROC + 1)).forks.empty());
    proc_event event = fork_of(10, 11, 11);
    event.what = Happened::k_exit;
    EXPECT_TRUE(parse_fork_news(datagram(event)).forks.empty());
}

TEST(ForkNews, ThatAreCutOffAreNone) {
    const std::vector<std::byte> whole = datagram(fork_of(10, 11, 11));
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_TRUE(parse_fork_news(std::span(whole).first(size)).forks.empty()) << size;
}

TEST(ForkListener, HearsOfAChildThatIsGone) {
    auto listener = ForkListener::open();
    if (!listener)
        GTEST_SKIP() << "the kernel does not tell of forks here";
    pid_t pid = 0;
    {
        const Forked child;
        pid = child.pid();
    }
    const std::vector<Fork> forks = listener->take();
    EXPECT_EQ(std::ranges::count(forks, Fork{.parent = ::getpid(), .child = pid}), 1);
    EXPECT_FALSE(listener->has_gaps());
    EXPECT_EQ(std::ranges::count(listener->take(), Fork{.parent = ::getpid(), .child = pid}), 0);
}

} // namespace
} // namespace cedana
