// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <array>
#include <functional>

#include <gtest/gtest.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::Forked;
using testing::holds;
using testing::Look;

std::vector<Refusal> epolls_refused_of_child(const std::function<void()>& set_up) {
    const Forked child(set_up);
    const Look look(Procfs(), child.pid());
    return refused_epolls(look.holdings);
}

// What is waited for.
int watched_by_epoll(int fd) {
    const int epoll = ::epoll_create1(0);
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    return fd;
}

int reading_end() {
    std::array<int, 2> ends{};
    [[maybe_unused]] const int made = ::pipe(ends.data());
    return ends[0];
}

// Both have the descriptor; one of them closes it before this returns.
void close_in(bool in_parent, int fd) {
    std::array<int, 2> done{};
    [[maybe_unused]] const int made = ::pipe(done.data());
    testing::fork_that_stays([&] {
        if (!in_parent)
            ::close(fd);
        [[maybe_unused]] const auto sent = ::write(done[1], "x", 1);
    });
    char byte = 0;
    [[maybe_unused]] const auto heard = ::read(done[0], &byte, 1);
    if (in_parent)
        ::close(fd);
}

TEST(RefusedEpolls, AreThoseWhoseTargetTheFirstHolderHasClosed) {
    const auto refusals = epolls_refused_of_child([] { close_in(true, watched_by_epoll(reading_end())); });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "waits by epoll")) << refusals[0].sentence;
    EXPECT_TRUE(holds(refusals[0].hint, "EPOLL_CTL_DEL"));
}

TEST(RefusedEpolls, AreSuchWithSomethingOfTheSameKindOpenToo) {
    const auto refusals = epolls_refused_of_child([] {
        ::eventfd(0, 0);
        close_in(true, watched_by_epoll(::eventfd(0, 0)));
    });
    EXPECT_EQ(refusals.size(), 1U);
}

TEST(RefusedEpolls, AreNotThoseWhoseTargetALaterHolderHasClosed) {
    EXPECT_TRUE(epolls_refused_of_child([] { close_in(false, watched_by_epoll(reading_end())); }).empty());
}

TEST(RefusedEpolls, AreNotThoseWhoseTargetHasAnotherNumber) {
    const auto refusals = epolls_refused_of_child([] {
        const int fd = watched_by_epoll(reading_end());
        ::dup2(fd, 200);
        ::dup2(::eventfd(0, 0), fd);
    });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

} // namespace
} // namespace cedana
