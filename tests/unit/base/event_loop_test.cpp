// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/event_fd.hpp"
#include "cedana/base/event_loop.hpp"
#include "cedana/base/unique_fd.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <unistd.h>

namespace cedana {
namespace {

constexpr auto k_soon = std::chrono::milliseconds(1);
constexpr auto k_await_limit = std::chrono::seconds(20);

TEST(EventLoop, CallsBackForAReadableDescriptor) {
    EventLoop loop;
    EventFd event;
    int calls = 0;
    loop.watch(event.fd(), POLLIN, [&](short) { ++calls; });
    event.set();
    EXPECT_TRUE(loop.run_once(k_await_limit));
    EXPECT_EQ(calls, 1);
}

TEST(EventLoop, TimesOutWithoutAnEvent) {
    EventLoop loop;
    EventFd event;
    loop.watch(event.fd(), POLLIN, [](short) { FAIL(); });
    EXPECT_FALSE(loop.run_once(k_soon));
}

TEST(EventLoop, IgnoresAPausedDescriptorWhoseOtherEndIsGone) {
    EventLoop loop;
    Pipe pipe = make_pipe();
    pipe.write_end.reset();
    loop.watch(pipe.read_end.get(), POLLIN, [](short) { FAIL(); });
    loop.wait_for(pipe.read_end.get(), 0);
    EXPECT_FALSE(loop.run_once(k_soon));
}

TEST(EventLoop, LetsACallbackRemoveItsOwnWatch) {
    EventLoop loop;
    EventFd event;
    loop.watch(event.fd(), POLLIN, [&](short) { loop.unwatch(event.fd()); });
    event.set();
    EXPECT_TRUE(loop.run_once(k_await_limit));
    EXPECT_FALSE(loop.run_once(k_soon));
}

TEST(EventFd, IsQuietAfterClear) {
    EventFd event;
    event.set();
    event.clear();
    pollfd entry{.fd = event.fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&entry, 1, 0), 0);
}

} // namespace
} // namespace cedana
