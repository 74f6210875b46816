// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/kernel_wait.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/criu/dump_stall.hpp"
#include "cedana/criu/freeze_watch.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/assertions.hpp"
#include "unit/temp_folder.hpp"

namespace cedana::criu {
namespace {

using namespace std::chrono_literals;

// What is told to whoever gives up, and how often the script has heard of it.
struct Told {
    std::promise<Fault> fault;
    std::atomic<int> beats = 0;

    FreezeWatch::Watched watched(std::chrono::milliseconds limit) {
        return {.limit = limit,
                .patience = 50ms,
                .every = 10ms,
                .beat = [this] { ++beats; },
                .give_up = [this](const Error& error) { fault.set_value(error.fault()); }};
    }
};

TEST(FreezeWatch, GivesUpWhenNothingMoves) {
    Told told;
    const Interrupt none = Interrupt::none();
    const FreezeWatch watch(told.watched(200ms), none);
    // This thread waits, as one does that hangs.
    EXPECT_EQ(told.fault.get_future().get(), Fault::storage);
    EXPECT_GT(told.beats, 0);
}

TEST(FreezeWatch, DoesNothingBeforeItIsToldTo) {
    Told told;
    const Interrupt none = Interrupt::none();
    FreezeWatch watch(told.watched(20ms), none, FreezeWatch::Begins::when_told);
    std::future<Fault> fault = told.fault.get_future();
    EXPECT_EQ(fault.wait_for(100ms), std::future_status::timeout);
    EXPECT_EQ(told.beats, 0);
    watch.begin();
    EXPECT_EQ(fault.get(), Fault::storage);
}

TEST(FreezeWatch, DoesNothingOnceItHasEnded) {
    Told told;
    const Interrupt none = Interrupt::none();
    FreezeWatch watch(told.watched(20ms), none, FreezeWatch::Begins::when_told);
    watch.end();
    watch.begin();
    EXPECT_EQ(told.fault.get_future().wait_for(100ms), std::future_status::timeout);
    EXPECT_EQ(told.beats, 0);
}

// For so long. What it had at most without a processor meanwhile, which a busy machine may take from it.
FreezeWatch::Clock::duration move_for(std::chrono::milliseconds time) {
    FreezeWatch::Clock::duration longest{};
    auto last = FreezeWatch::Clock::now();
    for (const auto end = last + time; last < end;) {
        const auto now = FreezeWatch::Clock::now();
        longest = std::max(longest, now - last);
        last = now;
    }
    return longest;
}

TEST(FreezeWatch, NamesTheSettingThatAllowsMore) {
    std::promise<std::string> hint;
    const Interrupt none = Interrupt::none();
    const FreezeWatch watch({.limit = 50ms,
                             .every = 10ms,
                             .beat = [] {},
                             .give_up = [&](const Error& error) { hint.set_value(error.hint()); }},
                            none);
    EXPECT_TRUE(::cedana::testing::holds(hint.get_future().get(), "dump.freeze_limit"));
}

TEST(FreezeWatch, LeavesWhatMovesAlone) {
    constexpr auto k_limit = 500ms;
    const Interrupt none = Interrupt::none();
    for (bool has_moved = false; !has_moved;) {
        Told told;
        std::optional<FreezeWatch> watch(std::in_place, told.watched(k_limit), none);
        has_moved = move_for(k_limit + 200ms) < k_limit * 3 / 4;
        watch.reset();
        if (has_moved) {
            EXPECT_EQ(told.fault.get_future().wait_for(0s), std::future_status::timeout);
        }
        EXPECT_GT(told.beats, 0);
    }
}

TEST(FreezeWatch, LeavesWhatHasALimitOfItsOwnAlone) {
    Told told;
    const Interrupt none = Interrupt::none();
    std::promise<void> looked;
    int looks = 0;
    auto watched = told.watched(20ms);
    watched.held = [&] {
        if (++looks == 20)
            looked.set_value();
        return looks <= 20;
    };
    const FreezeWatch watch(std::move(watched), none);
    looked.get_future().wait();
    // Nothing moves any more, and nobody holds it.
    EXPECT_EQ(told.fault.get_future().get(), Fault::storage);
    EXPECT_GT(looks, 20);
}

// As one whose fsync a slow disk answers only at its end. The other end of the FIFO is its own.
class WaitsForAFile {
  public:
    explicit WaitsForAFile(const std::string& fifo) {
        EXPECT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
        fd_ = UniqueFd(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));
        std::promise<pid_t> number;
        thread_ = std::thread([this, &number] {
            number.set_value(::gettid());
            char byte = 0;
            EXPECT_EQ(::read(fd_.get(), &byte, 1), 1);
        });
        const pid_t thread = number.get_future().get();
        while (kernel_wait(::getpid(), thread).file != fifo)
            std::this_thread::yield();
    }
    WaitsForAFile(const WaitsForAFile&) = delete;
    WaitsForAFile& operator=(const WaitsForAFile&) = delete;
    ~WaitsForAFile() {
        EXPECT_EQ(::write(fd_.get(), "x", 1), 1);
        thread_.join();
    }

  private:
    UniqueFd fd_;
    std::thread thread_;
};

class WatchOfADisk : public test::InTempFolder {};

TEST_F(WatchOfADisk, TakesWhatTheDiskFinishesForAMove) {
    const WaitsForAFile waits(path("fifo"));
    Told told;
    auto watched = told.watched(100ms);
    constexpr int k_finished = 50;
    int finished = 0;
    watched.work_of_disk = [&](std::string_view file) {
        EXPECT_EQ(file, path("fifo").string());
        finished = std::min(finished + 1, k_finished);
        return std::to_string(finished);
    };
    const Interrupt none = Interrupt::none();
    const FreezeWatch watch(std::move(watched), none);
    // Only once the disk does no more.
    EXPECT_EQ(told.fault.get_future().get(), Fault::storage);
    EXPECT_EQ(finished, k_finished);
}

TEST(FreezeWatch, GivesUpSoonForAnInterruptThatNobodyTakes) {
    Told told;
    const Interrupt interrupt = Interrupt::install();
    {
        const FreezeWatch watch(told.watched(10min), interrupt);
        ::kill(::getpid(), SIGINT);
        EXPECT_EQ(told.fault.get_future().get(), Fault::interrupted);
    }
    EXPECT_EQ(interrupt.take(), SIGINT);
}

class AStall : public test::InTempFolder {
  protected:
    // There is no such process, so that nothing moves but what the tests move.
    AStall() { watch.watch(0x3fffffff, begin); }
    [[nodiscard]] DumpStall::Clock::time_point after(std::chrono::seconds time) const { return begin + time; }

    const DumpStall::Clock::time_point begin = DumpStall::Clock::now();
    DumpStall watch{path("log"), {::getpid()}};
};

TEST_F(AStall, IsAnErrorOnceAtTheLimit) {
    // The first look takes what there is for a move.
    watch.look(1, 60s, after(1s));
    EXPECT_NO_THROW(watch.look(1, 60s, after(60s)));
    EXPECT_THROW(watch.look(1, 60s, after(61s)), Error);
    EXPECT_NO_THROW(watch.look(1, 60s, after(300s)));
}

TEST_F(AStall, BeginsAnewWithEachMove) {
    watch.look(1, 60s, after(1s));
    watch.look(2, 60s, after(60s));
    EXPECT_NO_THROW(watch.look(2, 60s, after(119s)));
    write("log", "criu says something");
    EXPECT_NO_THROW(watch.look(2, 60s, after(121s)));
}

TEST_F(AStall, IsNoneWithoutALimit) {
    watch.look(1, 0s, after(1s));
    EXPECT_NO_THROW(watch.look(1, 0s, after(10'000s)));
}

} // namespace
} // namespace cedana::criu
