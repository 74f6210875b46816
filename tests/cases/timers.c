// SPDX-License-Identifier: Apache-2.0
// Timers of every kind: of the process's time (ITIMER_PROF, ITIMER_VIRTUAL), of POSIX, and timerfds with a length and
// with a point of time.
#include <poll.h>
#include <sys/time.h>
#include <sys/timerfd.h>

#include "case.h"

enum { EVERY_MS = 20, FAR_SECONDS = 3600 };

static int new_timerfd(int clock, int flags, struct itimerspec time) {
    const int timer = timerfd_create(clock, 0);
    SET_UP(timer >= 0 && timerfd_settime(timer, flags, &time, NULL) == 0);
    return timer;
}

static timer_t new_posix_timer(int clock, int signal, struct itimerspec time) {
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
    SET_UP(timer_create(clock, &event, &timer) == 0 && timer_settime(timer, 0, &time, NULL) == 0);
    return timer;
}

// Uses the time of the processor until it comes.
static bool comes(int signal) {
    const double end = seconds_now(CLOCK_MONOTONIC) + LIMIT_SECONDS;
    sigset_t waiting;
    do {
        sigpending(&waiting);
        if (sigismember(&waiting, signal) == 1) {
            sigset_t one;
            int taken = 0;
            sigemptyset(&one);
            sigaddset(&one, signal);
            sigwait(&one, &taken);
            return true;
        }
    } while (seconds_now(CLOCK_MONOTONIC) < end);
    return false;
}

static void block_signals(void) {
    sigset_t all;
    sigemptyset(&all);
    for (int signal = SIGRTMIN; signal <= SIGRTMIN + 2; ++signal)
        sigaddset(&all, signal);
    sigaddset(&all, SIGPROF);
    sigaddset(&all, SIGVTALRM);
    sigprocmask(SIG_BLOCK, &all, NULL);
}

static void expect_ticks(int timer, const char* text) {
    struct pollfd entry = {.fd = timer, .events = POLLIN};
    uint64_t ticks = 0;
    EXPECT(poll(&entry, 1, LIMIT_SECONDS * 1000) == 1 && read(timer, &ticks, sizeof ticks) == sizeof ticks,
           "%s has stopped", text);
}

// One with a length has that much left, however long it was away; one with a point of time has what is left until then.
static void expect_far(int timer, double left_at_least, double left_at_most, const char* text) {
    struct itimerspec left;
    EXPECT(timerfd_gettime(timer, &left) == 0, "%s is none", text);
    const double due = (double)left.it_value.tv_sec;
    EXPECT(due > left_at_least - 2 && due < left_at_most + 2, "%s is due in %f s", text, due);
}

int main(void) {
    const struct timespec tick = {0, EVERY_MS * 1000000};
    const struct itimerspec every = {tick, tick};
    const struct itimerval every_value = {{0, EVERY_MS * 1000}, {0, EVERY_MS * 1000}};
    block_signals();
    const double due = seconds_now(CLOCK_REALTIME) + FAR_SECONDS;
    const int at_time =
        new_timerfd(CLOCK_REALTIME, TFD_TIMER_ABSTIME, (struct itimerspec){.it_value = {(time_t)due, 0}});
    const int in_time = new_timerfd(CLOCK_MONOTONIC, 0, (struct itimerspec){.it_value = {FAR_SECONDS, 0}});
    const int boot = new_timerfd(CLOCK_BOOTTIME, 0, every);
    const int real = new_timerfd(CLOCK_REALTIME, 0, every);
    new_posix_timer(CLOCK_MONOTONIC, SIGRTMIN, every);
    new_posix_timer(CLOCK_BOOTTIME, SIGRTMIN + 1, every);
    const timer_t far =
        new_posix_timer(CLOCK_REALTIME, SIGRTMIN + 2, (struct itimerspec){.it_value = {FAR_SECONDS, 0}});
    SET_UP(setitimer(ITIMER_PROF, &every_value, NULL) == 0 && setitimer(ITIMER_VIRTUAL, &every_value, NULL) == 0);
    SET_UP(comes(SIGPROF) && comes(SIGVTALRM) && comes(SIGRTMIN));
    ready();
    await_go();
    for (int round = 0; round < 3; ++round) {
        EXPECT(comes(SIGPROF), "ITIMER_PROF has stopped");
        EXPECT(comes(SIGVTALRM), "ITIMER_VIRTUAL has stopped");
        EXPECT(comes(SIGRTMIN), "the POSIX timer has stopped");
        EXPECT(comes(SIGRTMIN + 1), "the POSIX timer of CLOCK_BOOTTIME has stopped");
        expect_ticks(boot, "the timer of CLOCK_BOOTTIME");
        expect_ticks(real, "the timer of CLOCK_REALTIME");
    }
    const double left_of_time = due - seconds_now(CLOCK_REALTIME);
    expect_far(at_time, left_of_time, left_of_time, "the timer with a point of time");
    expect_far(in_time, left_of_time, FAR_SECONDS, "the timer with a length of time");
    struct itimerspec left;
    EXPECT(timer_gettime(far, &left) == 0 && left.it_value.tv_sec > FAR_SECONDS - 300,
           "the POSIX timer is due at another time");
    pass();
}
