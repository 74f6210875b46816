// SPDX-License-Identifier: Apache-2.0
// Two threads, each bound to a processor of its own.
#include <sched.h>

#include "case.h"

static void bind_to(size_t cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        UNFIT("there is no processor %zu", cpu);
}

static bool is_bound_to(size_t cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set);
}

static pthread_barrier_t step;

static void* on_first(void* unused) {
    bind_to(0);
    pthread_barrier_wait(&step);
    pthread_barrier_wait(&step);
    EXPECT(is_bound_to(0), "the thread is not bound to its processor");
    return unused;
}

int main(void) {
    pthread_t thread;
    pthread_barrier_init(&step, NULL, 2);
    bind_to(1);
    SET_UP(pthread_create(&thread, NULL, on_first, NULL) == 0);
    pthread_barrier_wait(&step);
    ready();
    await_go();
    EXPECT(is_bound_to(1), "the first thread is not bound to its processor");
    pthread_barrier_wait(&step);
    pthread_join(thread, NULL);
    pass();
}
