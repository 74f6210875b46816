// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/worker_threads.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace cedana {
namespace {

class Working : public ::testing::Test {
  protected:
    using Lock = std::unique_lock<std::mutex>;
    void wait_for_end(Lock& lock) {
        ++waiting;
        changed.notify_all();
        changed.wait(lock, [this] { return threads.must_end(); });
        ++ended;
        changed.notify_all();
    }
    void wait_until(const std::function<bool()>& ready) {
        Lock lock(mutex);
        changed.wait(lock, ready);
    }
    std::string failure() {
        const Lock lock(mutex);
        try {
            threads.rethrow_failure();
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return {};
    }

    std::mutex mutex;
    std::condition_variable changed;
    int waiting = 0;
    int ended = 0;
    WorkerThreads threads{mutex, [this] { changed.notify_all(); }};
};

TEST_F(Working, HoldsTheMutexWhenItBegins) {
    bool held = false;
    threads.start([&](Lock& lock) { held = lock.owns_lock() && lock.mutex() == &mutex; });
    threads.end();
    EXPECT_TRUE(held);
}

TEST_F(Working, EndsTogether) {
    for (int i = 0; i < 3; ++i)
        threads.start([this](Lock& lock) { wait_for_end(lock); });
    wait_until([this] { return waiting == 3; });
    EXPECT_FALSE(threads.must_end());
    threads.end();
    EXPECT_EQ(ended, 3);
    EXPECT_EQ(failure(), "");
}

TEST_F(Working, EndsForAllWhenOneFails) {
    threads.start([this](Lock& lock) { wait_for_end(lock); });
    wait_until([this] { return waiting == 1; });
    threads.start([](Lock&) { throw std::runtime_error("no disk"); });
    wait_until([this] { return ended == 1; });
    EXPECT_TRUE(threads.must_end());
    EXPECT_EQ(failure(), "no disk");
}

TEST_F(Working, KeepsTheFirstFailureAlone) {
    threads.start([this](Lock& lock) {
        wait_for_end(lock);
        throw std::runtime_error("the second");
    });
    wait_until([this] { return waiting == 1; });
    threads.start([](Lock&) { throw std::runtime_error("the first"); });
    wait_until([this] { return threads.must_end(); });
    threads.end();
    EXPECT_EQ(failure(), "the first");
}

TEST_F(Working, MayFailWithoutTheMutex) {
    threads.start([](Lock& lock) {
        lock.unlock();
        throw std::runtime_error("no memory");
    });
    wait_until([this] { return threads.must_end(); });
    EXPECT_EQ(failure(), "no memory");
}

} // namespace
} // namespace cedana
