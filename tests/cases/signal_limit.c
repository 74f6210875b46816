// SPDX-License-Identifier: Apache-2.0
// Signals wait for the process and for a thread of it, and it may have none by now.
#include <sys/resource.h>

#include "case.h"

enum { SIGNALS = 5 };

static sigset_t waiting;
static pthread_barrier_t step;

static void look(int first) {
    const struct timespec none = {0, 0};
    siginfo_t info;
    for (int i = 0; i < SIGNALS; ++i)
        LOOK(sigtimedwait(&waiting, &info, &none) == SIGRTMIN + 1 && info.si_value.sival_int == first + i,
             "signal %d is gone", first + i);
}

static void* have_own(void* unused) {
    for (int i = 0; i < SIGNALS; ++i)
        SET_UP(pthread_sigqueue(pthread_self(), SIGRTMIN + 1, (union sigval){.sival_int = 100 + i}) == 0);
    pthread_barrier_wait(&step);
    pthread_barrier_wait(&step);
    look(100);
    return unused;
}

int main(void) {
    const struct rlimit none = {0, 0};
    struct rlimit now;
    pthread_t thread;
    sigemptyset(&waiting);
    sigaddset(&waiting, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &waiting, NULL);
    pthread_barrier_init(&step, NULL, 2);
    SET_UP(pthread_create(&thread, NULL, have_own, NULL) == 0);
    pthread_barrier_wait(&step);
    for (int i = 0; i < SIGNALS; ++i)
        SET_UP(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i}) == 0);
    SET_UP(setrlimit(RLIMIT_SIGPENDING, &none) == 0);
    ready();
    await_go();
    pthread_barrier_wait(&step);
    pthread_join(thread, NULL);
    look(0);
    LOOK(getrlimit(RLIMIT_SIGPENDING, &now) == 0 && now.rlim_cur == 0 && now.rlim_max == 0, "the limit is gone");
    pass_if_right();
}
