// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/image_mends.hpp"
#include "cedana/criu/memory_map.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sys/resource.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;
using testing::image;
namespace magic = testing::magic;

constexpr auto k_interrupted = static_cast<std::uint64_t>(-EINTR);
constexpr std::uint64_t k_poll = 7;

struct Thread {
    std::uint64_t ax = k_interrupted;
    std::uint64_t call = k_poll;
    std::uint64_t si = 1;
    std::uint64_t di = 674;
    std::uint64_t dx = 672;
    std::uint64_t r10 = 667;
    // user_x86_regs_mode
    std::uint64_t mode = 1;
    std::vector<int> own_signals = {};
    std::uint64_t blocked = 0;
    // Absent for all but a process's first.
    bool first = true;
    std::vector<int> signals_of_process = {};
    std::uint64_t death_signal = 0;
};

std::string queue_of(const std::vector<int>& signals) {
    std::string queue;
    for (const int one : signals)
        queue += field(1, field(1, testing::number(static_cast<std::uint32_t>(one)) + std::string(124, '\0')));
    return queue;
}

// As CRIU 4.2.1 writes that of a thread in poll(2), without what no mend looks at: the fields in their order, the
// numbers of the registers from r15 to gs.
std::string core_of(const Thread& thread) {
    std::string registers;
    for (unsigned number = 1; number <= 27; ++number)
        registers += field(number, number == 11   ? thread.ax
                                   : number == 14 ? thread.si
                                   : number == 15 ? thread.di
                                   : number == 13 ? thread.dx
                                   : number == 8  ? thread.r10
                                   : number == 16 ? thread.call
                                   : number == 17 ? 140249279787631
                                                  : 659U + number);
    const std::string info = field(1, 140249278744400) + field(2, registers + field(28, thread.mode)) + field(3, "");
    std::string message = field(1, 1) + field(2, info);
    if (thread.first)
        message += field(3, field(1, 1) + field(5, thread.blocked) + field(6, "f") +
                                field(10, queue_of(thread.signals_of_process)));
    std::string own = field(1, 140249278745120) + field(2, 24);
    if (!thread.first)
        own += field(6, thread.blocked);
    if (thread.death_signal != 0)
        own += field(8, thread.death_signal);
    message += field(5, own + field(9, queue_of(thread.own_signals)) + field(13, "f"));
    return image(magic::core, {message});
}

std::uint64_t value_of(const std::string& core, const std::string& name) {
    const ThreadState state = parse_thread(core);
    return std::ranges::find(state.registers, name, [](const auto& one) { return one.first; })->second;
}

bool begins_anew(const Thread& thread, std::uint64_t of_process = 0) {
    return with_call_begun_anew(core_of(thread), of_process).has_value();
}

constexpr std::uint64_t bit_of(int signal) { return std::uint64_t{1} << static_cast<unsigned>(signal - 1); }

TEST(MendedCall, ThatTheDumpBrokeOffBeginsAnew) {
    const auto core = with_call_begun_anew(core_of({}), 0);
    ASSERT_TRUE(core);
    EXPECT_EQ(value_of(*core, "ip"), 140249279787631U - 2);
    EXPECT_EQ(value_of(*core, "ax"), k_poll);
    EXPECT_EQ(value_of(*core, "si"), 1U);
    EXPECT_EQ(core->size(), core_of({}).size() - 9) << "but for the length of a number all else is as it was";
}

TEST(MendedCall, MayWaitInManyWays) {
    for (const std::uint64_t call :
         {0U, 7U, 23U, 35U, 45U, 65U, 128U, 220U, 230U, 232U, 270U, 271U, 275U, 281U, 299U, 307U, 327U, 441U})
        EXPECT_TRUE(begins_anew({.call = call})) << call;
}

TEST(MendedCall, IsNoneThatWouldDoSomethingElseASecondTime) {
    // close, connect, restart_syscall; none.
    for (const std::uint64_t call : {std::uint64_t{3}, std::uint64_t{42}, std::uint64_t{219}, ~std::uint64_t{0}})
        EXPECT_FALSE(begins_anew({.call = call})) << call;
}

// As /proc/PID/syscall shows it of a thread whose wait was stopped (SIGSTOP) and went on, in glibc's calls.
std::uint64_t resumed_as(Thread thread) {
    constexpr std::uint64_t k_restart_syscall = 219;
    thread.call = k_restart_syscall;
    const auto core = with_call_begun_anew(core_of(thread), 0);
    return core ? value_of(*core, "ax") : 0;
}

constexpr std::uint64_t k_address = 0x7ffc12345670;

TEST(MendedCall, IsFoundByItsArgumentsIfItWasResumedBefore) {
    EXPECT_EQ(resumed_as({.si = 0, .di = 0, .dx = k_address, .r10 = k_address}), 230U) << "clock_nanosleep";
    EXPECT_EQ(resumed_as({.si = 0, .di = 1, .dx = k_address, .r10 = 0}), 230U) << "clock_nanosleep";
    EXPECT_EQ(resumed_as({.si = k_address, .di = k_address}), 35U) << "nanosleep";
    EXPECT_EQ(resumed_as({.si = 3, .di = k_address, .dx = 600000}), 7U) << "poll";
    EXPECT_EQ(resumed_as({.si = 0, .di = 0, .dx = 600000}), 7U) << "poll of nothing";
    EXPECT_EQ(resumed_as({.si = 128, .di = k_address, .dx = 0, .r10 = k_address}), 202U) << "futex";
    EXPECT_EQ(resumed_as({.si = 393, .di = k_address, .dx = 2, .r10 = k_address}), 202U) << "futex";
}

TEST(MendedCall, IsLeftAsItIsIfItCouldBeTwo) {
    EXPECT_EQ(resumed_as({.si = 0, .di = k_address, .dx = 100, .r10 = k_address}), 0U)
        << "nanosleep, poll of nothing, or futex";
    EXPECT_EQ(resumed_as({.si = 9, .di = k_address, .dx = 100, .r10 = k_address}), 0U) << "poll, or futex";
    EXPECT_EQ(resumed_as({.si = 3, .di = k_address, .dx = k_address}), 0U) << "no length of a wait";
    EXPECT_EQ(resumed_as({.si = 137, .di = k_address, .dx = 0, .r10 = 5}), 0U) << "futex without a limit";
}

TEST(MendedCall, IsOneOnAFutexOnlyIfThatWaits) {
    constexpr std::uint64_t k_futex = 202;
    // FUTEX_WAIT, FUTEX_WAIT_BITSET with FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME.
    for (const std::uint64_t operation : {0U, 128U, 137U, 393U})
        EXPECT_TRUE(begins_anew({.call = k_futex, .si = operation})) << operation;
    // FUTEX_WAKE, FUTEX_LOCK_PI.
    for (const std::uint64_t operation : {1U, 129U, 134U})
        EXPECT_FALSE(begins_anew({.call = k_futex, .si = operation})) << operation;
}

TEST(MendedCall, IsNoneThatGaveSomethingElse) {
    EXPECT_FALSE(begins_anew({.ax = 1}));
    EXPECT_FALSE(begins_anew({.ax = static_cast<std::uint64_t>(-EAGAIN)}));
}

TEST(MendedCall, IsNoneOf32Bits) { EXPECT_FALSE(begins_anew({.mode = 2})); }

TEST(MendedCall, EndsIfASignalWaitsThatIsNotBlocked) {
    EXPECT_FALSE(begins_anew({.own_signals = {SIGUSR1}}));
    EXPECT_FALSE(begins_anew({}, bit_of(SIGTERM)));
    EXPECT_FALSE(begins_anew({.own_signals = {SIGUSR2, 64}, .blocked = bit_of(SIGUSR2)}));
}

TEST(MendedCall, IsNotHeldUpByASignalThatIsBlocked) {
    EXPECT_TRUE(begins_anew({.own_signals = {64}, .blocked = bit_of(64)}));
    EXPECT_TRUE(begins_anew({.blocked = bit_of(SIGALRM)}, bit_of(SIGALRM)));
    EXPECT_TRUE(begins_anew({.blocked = bit_of(SIGALRM), .first = false}, bit_of(SIGALRM)));
}

// The limits of a process in the kernel's order, each as it is given.
std::string core_with_limits(const std::vector<std::uint64_t>& limits) {
    std::string entries;
    for (const std::uint64_t one : limits)
        entries += field(1, field(1, one) + field(2, one));
    return image(magic::core, {field(1, 1) + field(3, field(1, 1) + field(6, "f") + field(8, entries))});
}

TEST(MendedLimits, OfSignalsThatWaitAndOfFilesAreNone) {
    std::vector<std::uint64_t> limits(16, 7);
    const auto core = with_limits_raised(core_with_limits(limits));
    limits[RLIMIT_SIGPENDING] = ~std::uint64_t{0};
    limits[RLIMIT_FSIZE] = ~std::uint64_t{0};
    EXPECT_EQ(core, core_with_limits(limits));
    EXPECT_FALSE(with_limits_raised(core_with_limits(limits))) << "it has none";
    EXPECT_FALSE(with_limits_raised(core_of({.first = false}))) << "a thread has no limits of its own";
}

TEST(MendedLimits, AreNeededByWhatCountsAgainstThem) {
    const auto with_timers = [](const std::string& timers) {
        return image(magic::core, {field(1, 1) + field(3, field(1, 1) + field(6, "f") + field(7, timers))});
    };
    std::vector<std::uint64_t> limits(16, 7);
    EXPECT_TRUE(needs_limits_raised(core_with_limits(limits))) << "files may not be large";
    limits[RLIMIT_FSIZE] = ~std::uint64_t{0};
    EXPECT_FALSE(needs_limits_raised(core_with_limits(limits))) << "nothing waits";
    EXPECT_FALSE(needs_limits_raised(core_of({})));
    EXPECT_FALSE(needs_limits_raised(core_of({.first = false})));
    EXPECT_TRUE(needs_limits_raised(core_of({.own_signals = {SIGUSR1}})));
    EXPECT_TRUE(needs_limits_raised(core_of({.own_signals = {SIGUSR1}, .first = false})));
    EXPECT_TRUE(needs_limits_raised(core_of({.signals_of_process = {SIGALRM}})));
    EXPECT_FALSE(needs_limits_raised(with_timers(field(1, "") + field(2, "") + field(3, ""))));
    EXPECT_TRUE(needs_limits_raised(with_timers(field(1, "") + field(2, "") + field(3, "") + field(4, ""))))
        << "timer_create";
}

TEST(SignalsOfAProcess, AreThoseOfItsFirstThreadsImage) {
    EXPECT_EQ(signals_of_process(core_of({.own_signals = {SIGUSR1}, .signals_of_process = {SIGALRM, SIGCHLD}})),
              bit_of(SIGALRM) | bit_of(SIGCHLD));
    EXPECT_EQ(signals_of_process(core_of({.first = false})), 0U);
}

TEST(SignalsOfAProcess, ThatDoNotExistAreRefused) {
    EXPECT_THROW(static_cast<void>(signals_of_process(core_of({.signals_of_process = {65}}))), Error);
    EXPECT_THROW(static_cast<void>(signals_of_process(core_of({.signals_of_process = {0}}))), Error);
}

TEST(MendedRoot, WantsNoSignalAtTheEndOfItsParent) {
    EXPECT_EQ(without_parent_death_signal(core_of({.death_signal = SIGTERM})), core_of({}));
    EXPECT_EQ(without_parent_death_signal(core_of({.first = false, .death_signal = SIGKILL})),
              core_of({.first = false}));
    EXPECT_FALSE(without_parent_death_signal(core_of({})));
}

// pstree.img of CRIU 4.2.1: a process with a second thread.
TEST(ThreadsOfATree, AreKnownWithTheirProcess) {
    const std::string real("\x19\x43\x56\x54\x30\x30\x27\x50\x16\x00\x00\x00\x08\x9e\xbf\x01\x10\x00\x18\x9e\xbf\x01"
                           "\x20\x9e\xbf\x01\x28\x9e\xbf\x01\x28\xa3\xbf\x01",
                           34);
    const TreeThreads tree = parse_tree_threads(real);
    EXPECT_EQ(tree.root, 24478);
    EXPECT_EQ(tree.process_of, (std::map<pid_t, pid_t>{{24478, 24478}, {24483, 24478}}));
    EXPECT_EQ(tree.groups, std::set<pid_t>{24478});
}

TEST(ThreadsOfATree, HaveTheRootThatHasNoParent) {
    const auto process = [](unsigned pid, unsigned parent) { return field(1, pid) + field(2, parent) + field(5, pid); };
    const TreeThreads tree = parse_tree_threads(image(magic::pstree, {process(7, 0), process(8, 7)}));
    EXPECT_EQ(tree.root, 7);
    EXPECT_EQ(tree.process_of.at(8), 8);
}

TEST(MendedThreads, OfADamagedImageAreRefused) {
    const std::string core = core_of({.own_signals = {SIGUSR1}, .death_signal = SIGTERM});
    for (std::size_t length = 9; length < core.size(); ++length)
        EXPECT_THROW(static_cast<void>(with_call_begun_anew(core.substr(0, length), 0)), Error) << length;
}

} // namespace
} // namespace cedana::criu
