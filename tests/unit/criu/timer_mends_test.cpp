// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"
#include "cedana/criu/image_mends.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;
using testing::image;
namespace magic = testing::magic;

struct TimerfdFields {
    std::uint64_t ticks = 0;
    std::uint64_t flags = 0;
    std::uint64_t value = 0;
    std::uint64_t interval = 0;
    bool operator==(const TimerfdFields&) const = default;
};

// A file_entry as CRIU 4.2.1 writes it for a timerfd: type, id, and the timer with an owner that is nobody. The times
// are nanoseconds.
std::string timerfd(const TimerfdFields& timer) {
    const std::string owner = field(1, 0) + field(2, 0) + field(3, 0) + field(4, 0) + field(5, 0);
    return field(1, 17) + field(2, 6) +
           field(12, field(1, 6) + field(2, 2) + field(3, owner) + field(4, 1) + field(5, timer.ticks) +
                         field(6, timer.flags) + field(7, 0) + field(8, timer.value) + field(9, 0) +
                         field(10, timer.interval));
}

TimerfdFields read_timerfd(const std::string& files) {
    const auto timer = fields_of<TimerfdEntry>(
        bytes_in(fields_of<FileEntry>(ImageReader(files, ImageKind::files).next()), FileEntry::tfd));
    return {.ticks = number_in(timer, TimerfdEntry::ticks, 99),
            .flags = number_in(timer, TimerfdEntry::settime_flags, 99),
            .value = number_in(timer, TimerfdEntry::vnsec, 99),
            .interval = number_in(timer, TimerfdEntry::insec, 99)};
}

TimerfdFields mended(const TimerfdFields& timer) {
    const std::string files = image(magic::files, {timerfd(timer)});
    return read_timerfd(with_timers_set(files).value_or(files));
}

// Dumped by CRIU 4.2.1: a timer of every 50 ms that has ticked once and was not read, since.
TEST(MendedTimerfd, WithAnIntervalThatHasRunOutGoesOn) {
    const std::string real("\x08\x11\x10\x06\x62\x21\x08\x06\x10\x02\x1a\x0a\x08\x00\x10\x00\x18\x00\x20\x00\x28\x00"
                           "\x20\x01\x28\x01\x30\x00\x38\x00\x40\x00\x48\x00\x50\x80\xe1\xeb\x17",
                           39);
    EXPECT_EQ(real, timerfd({.ticks = 1, .interval = 50'000'000}));
    const auto files = with_timers_set(image(magic::files, {real}));
    ASSERT_TRUE(files);
    EXPECT_EQ(read_timerfd(*files), (TimerfdFields{.ticks = 1, .value = 50'000'000, .interval = 50'000'000}));
}

TEST(MendedTimerfd, OfAPointOfTimeThatHasRunOutStaysSo) {
    constexpr std::uint64_t k_absolute = 1;
    EXPECT_EQ(mended({.ticks = 1, .flags = k_absolute}), (TimerfdFields{.ticks = 1}));
    EXPECT_EQ(mended({.flags = k_absolute}), TimerfdFields{});
}

TEST(MendedTimerfd, ThatIsNotSetOrRunsIsLeftAlone) {
    for (const TimerfdFields timer : {TimerfdFields{.interval = 5}, TimerfdFields{.ticks = 1}, TimerfdFields{},
                                      TimerfdFields{.ticks = 2, .value = 3, .interval = 5},
                                      TimerfdFields{.ticks = 2, .flags = 1, .value = 3, .interval = 5}})
        EXPECT_FALSE(with_timers_set(image(magic::files, {timerfd(timer)})))
            << timer.ticks << timer.flags << timer.value << timer.interval;
}

TEST(MendedTimerfd, ChangesNoOtherFile) {
    const std::string regular = field(1, 1) + field(2, 4) + field(3, field(1, 4) + field(6, "/etc/passwd"));
    const std::string files = image(
        magic::files, {regular, timerfd({.ticks = 1, .interval = 5}), regular, timerfd({.value = 2, .interval = 5})});
    EXPECT_EQ(with_timers_set(files), image(magic::files, {regular, timerfd({.ticks = 1, .value = 5, .interval = 5}),
                                                           regular, timerfd({.value = 2, .interval = 5})}));
}

// task_core_entry with the timers as getitimer(2) told them.
std::string core_with_timer(std::uint64_t interval, std::uint64_t value) {
    const auto timer = [](std::uint64_t every, std::uint64_t left) {
        return field(1, 0) + field(2, every) + field(3, 0) + field(4, left);
    };
    const std::string timers = field(1, timer(interval, value)) + field(2, timer(0, 0)) + field(3, timer(0, 0));
    return image(magic::core, {field(1, 1) + field(3, field(1, 1) + field(5, 8192) + field(6, "f") + field(7, timers) +
                                                          field(13, 4294967295))});
}

// As CRIU 4.2.1 dumped it of a process with a timer of every 70 ms whose SIGALRM is blocked, and waits.
TEST(MendedIntervalTimer, WhoseSignalWaitsGoesOn) {
    EXPECT_EQ(with_interval_timer_set(core_with_timer(70'000, 0)), core_with_timer(70'000, 70'000));
}

TEST(MendedIntervalTimer, ThatRunsOrDoesNotIsLeftAlone) {
    EXPECT_FALSE(with_interval_timer_set(core_with_timer(70'000, 1)));
    EXPECT_FALSE(with_interval_timer_set(core_with_timer(0, 0)));
    EXPECT_FALSE(with_interval_timer_set(core_with_timer(0, 5)));
}

TEST(MendedTimers, OfADamagedImageAreRefused) {
    const std::string files = image(magic::files, {timerfd({.ticks = 1, .interval = 5})});
    for (std::size_t length = 9; length < files.size(); ++length)
        EXPECT_THROW(static_cast<void>(with_timers_set(files.substr(0, length))), Error) << length;
    EXPECT_THROW(static_cast<void>(with_timers_set(image(magic::core, {}))), Error);
}

} // namespace
} // namespace cedana::criu
