// SPDX-License-Identifier: Apache-2.0
// 500 threads, each with a name, a variable and signals of its own.
#include <sys/prctl.h>

#include "case.h"

enum { THREADS = 500 };

static pthread_barrier_t step;
static _Thread_local long own;

static void name_of(long number, char* name) { snprintf(name, 16, "thread-%ld", number); }

static bool blocks_first(void) {
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, SIGUSR1) == 1;
}

static void* be_one(void* number) {
    char name[16];
    char now[16];
    sigset_t set;
    own = (long)number;
    name_of(own, name);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    prctl(PR_SET_NAME, name);
    pthread_sigmask(own % 2 != 0 ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
    pthread_barrier_wait(&step);
    pthread_barrier_wait(&step);
    prctl(PR_GET_NAME, now);
    EXPECT(own == (long)number, "thread %ld: its variable is %ld", (long)number, own);
    EXPECT(strcmp(name, now) == 0, "%s is called %s", name, now);
    EXPECT(blocks_first() == (own % 2 != 0), "%s blocks other signals", name);
    return NULL;
}

int main(void) {
    static pthread_t threads[THREADS];
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 * KIB);
    pthread_barrier_init(&step, NULL, THREADS + 1);
    for (long i = 0; i < THREADS; ++i)
        SET_UP(pthread_create(&threads[i], &small, be_one, (void*)i) == 0);
    pthread_barrier_wait(&step);
    ready();
    await_go();
    pthread_barrier_wait(&step);
    for (int i = 0; i < THREADS; ++i)
        pthread_join(threads[i], NULL);
    pass();
}
