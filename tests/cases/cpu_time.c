// SPDX-License-Identifier: Apache-2.0
// Timers and limits of the time of the processor: of a thread, of the process.
#include <sys/resource.h>

#include "case.h"

static void use(double seconds) {
    const double end = seconds_now(CLOCK_PROCESS_CPUTIME_ID) + seconds;
    while (seconds_now(CLOCK_PROCESS_CPUTIME_ID) < end) {}
}

static bool comes(int signal) {
    const double end = seconds_now(CLOCK_MONOTONIC) + LIMIT_SECONDS;
    sigset_t waiting;
    do
        sigpending(&waiting);
    while (sigismember(&waiting, signal) != 1 && seconds_now(CLOCK_MONOTONIC) < end);
    return sigismember(&waiting, signal) == 1;
}

int main(void) {
    const struct itimerspec every = {{0, 20000000}, {0, 20000000}};
    const struct rlimit limit = {1000, 2000};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
    struct rlimit now;
    timer_t timer;
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &one, NULL);
    use(0.3);
    SET_UP(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0 && timer_settime(timer, 0, &every, NULL) == 0);
    SET_UP(setrlimit(RLIMIT_CPU, &limit) == 0);
    SET_UP(comes(SIGRTMIN + 1));
    int taken = 0;
    sigwait(&one, &taken);
    ready();
    await_go();
    LOOK(comes(SIGRTMIN + 1), "the timer has stopped");
    LOOK(getrlimit(RLIMIT_CPU, &now) == 0 && now.rlim_cur == limit.rlim_cur, "the limit");
    pass_if_right();
}
