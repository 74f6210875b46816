// SPDX-License-Identifier: Apache-2.0
// Has a file of one of its threads in /proc open, as programs that watch others do.
#include "case.h"

static volatile pid_t tid;

static void* wait_for_ever(void* unused) {
    tid = own_tid();
    while (true)
        pause();
    return unused;
}

int main(void) {
    pthread_t thread;
    char path[64];
    char byte = 0;
    SET_UP(pthread_create(&thread, NULL, wait_for_ever, NULL) == 0);
    while (tid == 0)
        sched_yield();
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    const int file = open(path, O_RDONLY);
    SET_UP(file >= 0);
    ready();
    await_go();
    EXPECT(pread(file, &byte, 1, 0) == 1, "nothing can be read");
    pass();
}
