// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <latch>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <pthread.h>

namespace cedana {
namespace {

// While one lives no thread can be started: none gets as much memory for its stack as there are addresses.
class NoMoreThreads {
  public:
    NoMoreThreads() {
        pthread_attr_t attributes;
        pthread_getattr_default_np(&usual_);
        pthread_getattr_default_np(&attributes);
        pthread_attr_setstacksize(&attributes, std::size_t{1} << 47);
        pthread_setattr_default_np(&attributes);
        pthread_attr_destroy(&attributes);
    }
    NoMoreThreads(const NoMoreThreads&) = delete;
    NoMoreThreads& operator=(const NoMoreThreads&) = delete;
    ~NoMoreThreads() {
        pthread_setattr_default_np(&usual_);
        pthread_attr_destroy(&usual_);
    }

  private:
    pthread_attr_t usual_{};
};

TEST(Parallel, DoesEachPartOnce) {
    std::vector<std::atomic<int>> done(1000);
    parallel(done.size(), 4, [&](std::size_t part, const auto&) { ++done[part]; });
    EXPECT_TRUE(std::ranges::all_of(done, [](const auto& times) { return times == 1; }));
}

TEST(Parallel, DoesNothingWithoutParts) {
    parallel(0, 4, [](std::size_t, const auto&) { FAIL(); });
}

TEST(Parallel, HasAsManyThreadsAsItIsGiven) {
    // Nobody goes on before three are there.
    std::barrier all(3);
    parallel(3, 3, [&](std::size_t, const auto&) { all.arrive_and_wait(); });
}

TEST(Parallel, NeedsNoOtherThreadForOnePart) {
    std::thread::id who;
    parallel(1, 4, [&](std::size_t, const auto&) { who = std::this_thread::get_id(); });
    EXPECT_EQ(who, std::this_thread::get_id());
}

TEST(Parallel, ThrowsWhatAPartThrew) {
    std::latch both(2);
    EXPECT_THROW(parallel(2, 2,
                          [&](std::size_t, const auto&) {
                              both.arrive_and_wait();
                              // Whichever thread it is on, the caller's or the other.
                              throw std::runtime_error("a part");
                          }),
                 std::runtime_error);
}

TEST(Parallel, ThrowsOnlyWhenAllHaveEnded) {
    std::latch failing(1);
    std::atomic<bool> ended = false;
    const auto work = [&](std::size_t part, const std::stop_token& stop) {
        if (part == 1) {
            failing.count_down();
            throw std::runtime_error("a part");
        }
        failing.wait();
        while (!stop.stop_requested())
            std::this_thread::yield();
        ended = true;
    };
    EXPECT_THROW(parallel(2, 2, work), std::runtime_error);
    EXPECT_TRUE(ended);
}

TEST(Parallel, ThrowsWhatWasThrownFirst) {
    const auto work = [&](std::size_t part, const std::stop_token& stop) {
        if (part == 1)
            throw std::runtime_error("first");
        while (!stop.stop_requested())
            std::this_thread::yield();
        throw std::runtime_error("second");
    };
    try {
        parallel(2, 2, work);
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_EQ(error.what(), std::string("first"));
    }
}

TEST(Parallel, BeginsNothingMoreOnceAPartHasThrown) {
    std::atomic<std::size_t> begun = 0;
    EXPECT_THROW(parallel(1000, 1,
                          [&](std::size_t part, const auto&) {
                              ++begun;
                              if (part == 5)
                                  throw std::runtime_error("a part");
                          }),
                 std::runtime_error);
    EXPECT_EQ(begun, 6U);
}

TEST(Parallel, IsDoneByTheCallerWhereNoThreadCanBeStarted) {
    const NoMoreThreads none;
    ASSERT_THROW(std::thread([] {}).join(), std::system_error);
    std::set<std::thread::id> threads;
    std::size_t done = 0;
    parallel(10, 4, [&](std::size_t, const auto&) {
        threads.insert(std::this_thread::get_id());
        ++done;
    });
    EXPECT_EQ(done, 10U);
    EXPECT_EQ(threads, std::set{std::this_thread::get_id()});
}

TEST(ThreadsFor, GivesEachThreadEnoughToDo) {
    EXPECT_EQ(threads_for(0, 4), 1U);
    EXPECT_EQ(threads_for(7, 4), 1U);
    EXPECT_EQ(threads_for(8, 4), std::min(2U, core_count()));
    EXPECT_EQ(threads_for(1'000'000, 4), std::min(8U, core_count()));
}

} // namespace
} // namespace cedana
