// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/worker_speed.hpp"

#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <unistd.h>

namespace cedana::testing {
namespace {

int own_priority() { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); }

// In a thread of its own, which alone is slowed down.
int priority_after(const std::function<void()>& work) {
    int priority = 0;
    std::thread thread([&] {
        work();
        priority = own_priority();
    });
    thread.join();
    return priority;
}

TEST(WorkerSpeed, SlowsTheCallingThreadDownAlone) {
    const int before = own_priority();
    WorkerSpeed speed;
    EXPECT_EQ(priority_after([&] { speed.slow_down_self(); }), 19);
    EXPECT_EQ(own_priority(), before);
    EXPECT_FALSE(speed.is_full());
}

TEST(WorkerSpeed, LeavesThreadsAsTheyAreOnceItIsFull) {
    WorkerSpeed speed;
    speed.set_full();
    EXPECT_TRUE(speed.is_full());
    EXPECT_EQ(priority_after([&] { speed.slow_down_self(); }), own_priority());
}

TEST(WorkerSpeed, LeavesThreadsAsTheyAreOnceSomebodyWaits) {
    WorkerSpeed speed;
    speed.raise();
    EXPECT_FALSE(speed.is_full());
    EXPECT_EQ(priority_after([&] { speed.slow_down_self(); }), own_priority());
}

TEST(WorkerSpeed, RaisesAThreadThatIsSlow) {
    // Whether the priority may be raised again is a matter of privileges (getrlimit(2), RLIMIT_NICE).
    rlimit limit{};
    ::getrlimit(RLIMIT_NICE, &limit);
    if (::geteuid() != 0 && limit.rlim_cur < 20)
        GTEST_SKIP() << "this user may not raise a priority";
    WorkerSpeed speed;
    EXPECT_EQ(priority_after([&] {
                  speed.slow_down_self();
                  speed.set_full();
              }),
              own_priority());
}

} // namespace
} // namespace cedana::testing
